"""Takes out of a virtual environment what the service never uses: python3 slim.py ENVIRONMENT."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class SlimError(Exception):
    """The list below no longer fits what is installed; the text says where."""


@dataclass(frozen=True)
class Unused:
    """What matches one of the patterns, in site-packages, and why nobody misses it."""

    why: str
    patterns: tuple[str, ...]


UNUSED = (
    Unused("tests of the packages", ("**/tests", "numpy/testing", "numpy/conftest.py", "numpy/_core/_*tests.*.so")),
    Unused("for type checkers", ("**/*.pyi",)),
    Unused("for compilers", ("**/*.h", "**/*.a", "**/*.pxd", "**/*.pyx", "**/*.pxi", "numpy/f2py", "numpy/distutils")),
    Unused("for numpy's own tests of its SIMD kernels", ("numpy/_core/_simd.*.so",)),
    Unused("numerics; arrays are only handed on", tuple(f"numpy/{name}" for name in ("fft", "polynomial", "random"))),
    Unused("the runtime once more, for programs in C", ("onnxruntime/capi/libonnxruntime.so.*",)),
    Unused(
        "to convert and to quantize models",
        tuple(f"onnxruntime/{name}" for name in ("backend", "datasets", "quantization", "tools", "transformers")),
    ),
    # Pillow itself does without any of these. What is not there cannot be attacked.
    Unused("to read AVIF, which is not taken", ("PIL/_avif.*.so", "pillow.libs/libavif-*")),
    Unused(
        "to draw text",
        ("PIL/_imagingft.*.so", *(f"pillow.libs/lib{name}*" for name in ("brotli", "freetype", "harfbuzz", "png16"))),
    ),
    Unused("to convert between colour profiles", ("PIL/_imagingcms.*.so", "pillow.libs/liblcms2-*")),
    Unused("for windows on a screen", ("PIL/_imagingtk.*.so",)),
    Unused("lists files that are no longer there", ("*.dist-info/RECORD",)),
)

_LICENCES = ("LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS", "ThirdPartyNotices")


def slim(environment: Path) -> int:
    """Delete it, but for licences, and the scripts of the environment; how many bytes that were.

    Raises SlimError if the environment is none, or where nothing matches an entry of the list: so it cannot outlive
    what it was written for.
    """
    packages = list(environment.glob("lib/python3*/site-packages"))
    if len(packages) != 1:
        raise SlimError(f"{environment} is not a virtual environment: it has {len(packages)} folders of packages")
    freed = sum(_delete(file) for file in (environment / "bin").iterdir() if not file.name.startswith("python"))
    for unused in UNUSED:
        matching = [path for pattern in unused.patterns for path in packages[0].glob(pattern)]
        if not matching:
            raise SlimError(f"nothing matches {', '.join(unused.patterns)} any more ({unused.why}): adapt {__file__}")
        freed += sum(_delete(file) for path in matching for file in _files(path))
    for folder in sorted((path for path in packages[0].rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    return freed


def is_licence(file: Path) -> bool:
    """True for the texts that have to come along with what they are about."""
    return file.name.startswith(_LICENCES) or "licenses" in file.parts


def _files(path: Path) -> Iterator[Path]:
    found = path.rglob("*") if path.is_dir() else [path]
    return (file for file in list(found) if file.is_file() and not is_licence(file))


def _delete(file: Path) -> int:
    size = file.lstat().st_size
    file.unlink()
    return size


if __name__ == "__main__":
    try:
        print(f"{slim(Path(sys.argv[1])) / 1e6:.1f} MB are not taken into the image")  # noqa: T201
    except SlimError as error:
        sys.exit(f"error: {error}")

"""Copies a Python, and the libraries that it and some folders load, out of an image: system.py ROOT FOLDER FOLDER.

What comes of it needs nothing below it: it has no shell, no package manager and no pip. All keeps its place.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

_UNUSED = shutil.ignore_patterns(
    *("__pycache__", "site-packages", "dist-packages", "config-3*"),
    *("ensurepip", "venv", "distutils", "lib2to3", "pydoc_data"),  # to install and to develop
    *("test", "tests", "_test*.so", "xx*.so"),
    *("idlelib", "tkinter", "_tkinter.*.so", "turtledemo", "turtle.py", "curses", "_curses*.so", "readline.*.so"),
    *("nis.*.so", "_dbm.*.so", "_gdbm.*.so", "sqlite3", "_sqlite3.*.so"),  # they bring a Kerberos and databases along
)
_DPKG = Path("/var/lib/dpkg")


class Mirror:
    """A folder that becomes the root of an image, with files at the paths that they have here."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: set[Path] = set()
        """What was copied, by its real path here."""

    def add(self, path: Path) -> None:
        """Copy a file or folder, and the links on the way to it."""
        real = Path("/")
        for depth, name in enumerate(path.parts[1:], start=2):
            real /= name
            if real.is_symlink():
                self._link(real)
                self.add((real.parent / real.readlink()).joinpath(*path.parts[depth:]))
                return
        if real in self.files:
            return
        target = self.at(real)
        target.parent.mkdir(parents=True, exist_ok=True)
        if real.is_dir():
            shutil.copytree(real, target, symlinks=True, ignore=_UNUSED)
            self.files.update(file for file in real.rglob("*") if self.at(file).is_file())
        else:
            shutil.copy2(real, target)
            self.files.add(real)

    def write(self, path: Path, text: str) -> None:
        """Make a file that is not here."""
        self.at(path).parent.mkdir(parents=True, exist_ok=True)
        self.at(path).write_text(text, encoding="utf-8")

    def at(self, path: Path) -> Path:
        """Where the copy of a path is."""
        return self.root / path.relative_to("/")

    def _link(self, link: Path) -> None:
        target = self.at(link)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_symlink():
            target.symlink_to(link.readlink())


def libraries(programs: Iterable[Path]) -> set[Path]:
    """What the dynamic linker loads for them, itself included. Raises SystemExit where it does not find one."""
    found = set()
    for program in programs:
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        for line in listed.splitlines():
            name, _, place = line.strip().rpartition(" => ")
            if place == "not found":
                sys.exit(f"error: {program} needs {name}, which is not in this image")
            if place.startswith("/"):
                found.add(Path(place.partition(" (")[0]))
    return found


def records(files: set[Path]) -> Iterator[tuple[str, str]]:
    """Name and record of each Debian package that one of the files is from."""

    def owned(line: str) -> bool:
        path = Path(line)
        # Packages name files below /lib, which may be a link to /usr/lib.
        return path in files or path.parent.resolve() / path.name in files

    owners = {
        listing.stem.partition(":")[0]
        for listing in (_DPKG / "info").glob("*.list")
        if any(owned(line) for line in listing.read_text(encoding="utf-8").splitlines())
    }
    for record in (_DPKG / "status").read_text(encoding="utf-8").split("\n\n"):
        name = record.partition("\n")[0].removeprefix("Package: ")
        if name in owners:
            yield name, f"{record.strip()}\n"


def main(root: Path, folders: list[Path]) -> None:
    """Copy all of it to `root`."""
    mirror = Mirror(root)
    for path in (Path(sys.executable), Path(sysconfig.get_path("stdlib")), Path("/etc/os-release")):
        mirror.add(path)
    modules = {file for file in mirror.files if ".so" in file.suffixes}
    modules |= {file for folder in folders for file in folder.rglob("*.so*") if file.is_file()}
    for library in libraries({Path(sys.executable), *modules}):
        if not any(library.resolve().is_relative_to(folder.resolve()) for folder in folders):
            mirror.add(library)
    if _DPKG.is_dir():
        # Where scanners look for what an image without a package manager was made of, since distroless images are.
        for name, record in records(mirror.files):
            mirror.write(_DPKG / "status.d" / name, record)
            if (terms := Path(f"/usr/share/doc/{name}/copyright")).exists():
                mirror.add(terms)
    for settings in (Path("/etc/ld.so.conf"), *Path("/etc/ld.so.conf.d").glob("*.conf")):
        mirror.add(settings)
    subprocess.run(["ldconfig", "-r", root], check=True)
    mirror.at(Path("/tmp")).mkdir()  # noqa: S108 - where one is expected to be
    mirror.at(Path("/tmp")).chmod(0o1777)  # noqa: S108


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(folder) for folder in sys.argv[2:]])

"""What goes into the image: the locked packages, less what the service never uses."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest

from .conftest import PROJECT, Serve, Service

GOLDEN = sorted(path for path in (PROJECT / "tests" / "golden").iterdir() if ".prepared." not in path.name)
DOCKERFILE = (PROJECT / "Dockerfile").read_text()


def run(*command: str | Path, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"} | variables
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, done.stderr
    return done


def size_of(folder: Path) -> int:
    """Bytes; without bytecode, which is there or not by what has run before."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc")


def licences(folder: Path) -> set[str]:
    return {
        str(file.relative_to(folder)) for file in folder.rglob("*") if "LICENSE" in file.name or "NOTICE" in file.name
    }


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made as the Dockerfile makes it."""
    folder = tmp_path_factory.mktemp("environment") / ".venv"
    (sync,) = [line for line in DOCKERFILE.replace("\\\n", " ").splitlines() if "uv sync" in line]
    left_out = [word for word in sync.partition("--no-install-package")[2].split() if not word.startswith("-")]
    options = [f"--no-install-package={name}" for name in left_out]
    uv = os.environ.get("UV", "uv")
    run(uv, "sync", "--frozen", "--no-dev", "--python", sys.executable, *options, UV_PROJECT_ENVIRONMENT=str(folder))
    before = licences(folder)
    said = run(sys.executable, "image/slim.py", folder).stdout
    assert "MB are not taken into the image" in said
    assert licences(folder) == before
    assert "MB are not taken along" in run(sys.executable, "image/elf.py", folder).stdout
    return folder


@pytest.fixture(scope="module")
def slim(serve: Serve, environment: Path) -> Iterator[Service]:
    with serve(python=environment / "bin" / "python") as client:
        yield client


@pytest.mark.parametrize("photo", GOLDEN, ids=lambda path: path.name)
def test_it_answers_as_the_whole_environment_does(slim: Service, service: Service, photo: Path) -> None:
    content = photo.read_bytes()
    for request in ({"content": content}, {"files": {"file": (photo.name, content)}}):
        answer = slim.post("/predict", **request)  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        assert answer.json() == service.post("/predict", **request).json()  # type: ignore[arg-type]


def test_its_other_pages_are_there(slim: Service) -> None:
    for path in ("/", "/docs", "/openapi.json", "/metrics", "/version", "/readyz"):
        assert slim.get(path).status_code == 200, path


def test_it_is_small(environment: Path) -> None:
    """The image has the bytecode of all this besides, some 12 MB."""
    assert size_of(environment) < 110e6


def test_the_list_of_what_is_left_out_cannot_outlive_what_it_is_for(environment: Path) -> None:
    done = run(sys.executable, "image/slim.py", environment, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: nothing matches **/tests")


def test_only_an_environment_is_made_slim(tmp_path: Path) -> None:
    done = run(sys.executable, "image/slim.py", tmp_path, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        f"error: {tmp_path} is not a virtual environment: it has 0 folders of packages\n",
    )


def test_dates_follow_from_the_content(tmp_path: Path) -> None:
    """So a layer is the same wherever it is built, and yet no browser takes a new page of the same size for the old."""
    for folder, text in (("one", "abc"), ("two", "abc"), ("three", "abd")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "page.html").write_text(text)
        (tmp_path / folder / "link").symlink_to("nowhere")
        run(sys.executable, "image/dates.py", tmp_path / folder)
    one, two, three = (tmp_path / folder / "page.html" for folder in ("one", "two", "three"))
    assert one.stat().st_mtime == two.stat().st_mtime != three.stat().st_mtime
    assert {path.lstat().st_mtime for file in (one, three) for path in (file.parent, file.parent / "link")} == {0}


def test_what_is_cut_off_a_shared_object_is_what_is_not_loaded(tmp_path: Path) -> None:
    (built,) = Path(numpy.__file__).parent.glob("_core/_multiarray_umath.*.so")
    original = tmp_path / "original.so"
    shutil.copyfile(built, original)
    cut = tmp_path / "cut" / "lib.so"
    cut.parent.mkdir()
    os.link(original, cut)
    run(sys.executable, "image/elf.py", cut.parent)
    before, after = original.read_bytes(), cut.read_bytes()
    assert before == built.read_bytes()  # by whichever name
    assert 64 < len(after) < len(before)
    assert after[64:] == before[64 : len(after)]
    assert ctypes.CDLL(str(cut)).PyInit__multiarray_umath
    (tmp_path / "cut" / "text.so").write_text("INPUT(lib.so)")
    run(sys.executable, "image/elf.py", cut.parent)
    assert cut.read_bytes() == after
    assert (tmp_path / "cut" / "text.so").read_text() == "INPUT(lib.so)"

import os
import stat
import tempfile
from pathlib import Path

import pytest

from azureml_emulator import trees


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / "out" / "inner").mkdir(parents=True)
    (folder / "out" / "a").write_text("a")
    (folder / "out" / "inner" / "ü #%? b").write_text("b")
    (folder / "in").mkdir()
    (folder / "in" / "c").write_text("c")
    (tmp_path / "secret").write_text("s")
    return folder


def names(found: trees.Walk) -> list[str]:
    return [name for _, name in found.files]


def test_files_are_found_with_their_paths_in_order(run: Path) -> None:
    assert names(trees.walk(run / "out")) == ["a", "inner/ü #%? b"]


def test_links_are_followed_only_within_the_run(run: Path) -> None:
    out = run / "out"
    (out / "file").symlink_to(run / "in" / "c")
    (out / "folder").symlink_to(run / "in")
    (out / "circle").symlink_to(out)
    (out / "nowhere").symlink_to(run / "gone")
    (out / "secret").symlink_to(run.parent / "secret")
    (out / "etc").symlink_to("/etc")
    found = trees.walk(out, within=run)
    assert names(found) == ["a", "file", "folder/c", "inner/ü #%? b"]
    assert sorted(found.outside) == ["etc", "secret"]
    assert sorted(trees.walk(out).outside) == ["etc", "file", "folder", "nowhere", "secret"]


def test_pipes_are_left_out(run: Path) -> None:
    os.mkfifo(run / "out" / "pipe")
    assert names(trees.walk(run / "out")) == ["a", "inner/ü #%? b"]


def test_read_only_folders_can_be_removed(run: Path) -> None:
    trees.make_read_only(run)
    assert not stat.S_IMODE((run / "out" / "a").stat().st_mode) & 0o222
    assert not stat.S_IMODE((run / "out").stat().st_mode) & 0o222
    trees.remove(run)
    assert not run.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as somebody else")
def test_read_only_binds_who_is_not_root_and_removing_works_for_them_too() -> None:
    # Not in pytest's own folder, which is closed to others.
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        folder = Path(parent) / "run"
        (folder / "out").mkdir(parents=True)
        (folder / "out" / "a").write_text("a")
        for path in (Path(parent), folder, *folder.rglob("*")):
            os.chown(path, 65534, 65534)
        trees.make_read_only(folder / "out")
        child = os.fork()
        if child == 0:
            os.setuid(65534)
            os._exit(_write_then_remove(folder))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _write_then_remove(folder: Path) -> int:
    try:
        (folder / "out" / "new").write_text("x")
    except PermissionError:
        trees.remove(folder)
        return 2 if folder.exists() else 0
    return 1

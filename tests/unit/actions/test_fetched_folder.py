"""Where a model may be put, what its digest depends on, and that all of it arrives or nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops_actions import azure, fetch_model
from mlops_actions.aml import stored_models
from mlops_actions.aml.stored_models import StoredModel
from mlops_actions.errors import ActionError

FILES = {"model.onnx": b"weights", "labels/model.json": b'{"labels": ["cats"]}', "empty": b""}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def digest(folder: Path, files: dict[str, bytes]) -> str:
    return fetch_model.tree_digest(write(folder, files))


def test_the_digest_is_the_same_on_every_machine_and_in_every_order(tmp_path: Path) -> None:
    lines = [f"{name}\0{hashlib.sha256(FILES[name]).hexdigest()}\n" for name in sorted(FILES)]
    known = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert digest(tmp_path / "one", FILES) == digest(tmp_path / "two", dict(reversed(FILES.items()))) == known


@pytest.mark.parametrize(
    "other",
    [
        {**FILES, "model.onnx": b"weightz"},
        {**FILES, "more": b""},
        {name: content for name, content in FILES.items() if name != "empty"},
        {("renamed" if name == "empty" else name): content for name, content in FILES.items()},
        {**FILES, "empty": b"weights", "model.onnx": b""},
    ],
)
def test_the_digest_depends_on_names_and_contents(tmp_path: Path, other: dict[str, bytes]) -> None:
    assert digest(tmp_path / "one", FILES) != digest(tmp_path / "two", other)


class Models:
    """The SDK's model operations, as far as a download goes; what a download writes is up to the test."""

    def __init__(self, write_download: Callable[[Path], Any]) -> None:
        self._write = write_download

    def download(self, name: str, _: str, download_path: str) -> None:
        self._write(Path(download_path) / name)


Fetch = Callable[..., fetch_model.FetchedModel]


@pytest.fixture
def fetch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fetch:
    """Fetches what the test has the SDK download, into the folder `target`."""

    def fetch(write_download: Callable[[Path], Any], **inputs: Any) -> fetch_model.FetchedModel:
        def look_up(_: object, __: object, name: str, version: str) -> StoredModel:
            return StoredModel(name, "12" if version == "latest" else version, "azureml://…", "", {"job": "trained-7"})

        client = type("Client", (), {"models": Models(write_download)})()
        source = inputs.pop("source", None)
        monkeypatch.setattr(stored_models, "look_up", look_up)
        monkeypatch.setattr(stored_models, "fingerprint", lambda *_: source)
        monkeypatch.setattr(azure, "workspace", lambda _: None)
        monkeypatch.setattr(azure, "ml_client", lambda _: client)
        monkeypatch.setattr(azure, "Rest", lambda _: None)
        return fetch_model.fetch_model(**{"name": "animals", "version": "3", "path": tmp_path / "target", **inputs})

    return fetch


def contents(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.name != ".fetched-model.json"
    }


@pytest.mark.parametrize("prefix", ["INPUT_model_path", "output_folder", ""])
def test_the_folders_that_the_sdk_puts_around_a_model_are_left_out(fetch: Fetch, tmp_path: Path, prefix: str) -> None:
    fetched = fetch(lambda folder: write(folder / prefix, FILES))
    assert contents(tmp_path / "target") == FILES
    assert (fetched.name, fetched.version) == ("animals", "3")
    assert fetched.sha256 == fetch_model.tree_digest(tmp_path / "target")
    assert [entry.name for entry in tmp_path.iterdir()] == ["target"], "nothing temporary is left"


def test_a_model_of_one_file(fetch: Fetch, tmp_path: Path) -> None:
    fetch(lambda folder: write(folder, {"model.pkl": b"x"}))
    assert contents(tmp_path / "target") == {"model.pkl": b"x"}


def test_a_later_model_takes_the_place_of_an_earlier_one_whole(fetch: Fetch, tmp_path: Path) -> None:
    first = fetch(lambda folder: write(folder / "m", FILES))
    second = fetch(lambda folder: write(folder / "m", {"model.onnx": b"new"}), version="latest")
    assert contents(tmp_path / "target") == {"model.onnx": b"new"}
    assert second.version == "12"
    assert first.sha256 != second.sha256
    assert [entry.name for entry in tmp_path.iterdir()] == ["target"]


def test_an_empty_folder_is_as_good_as_none(fetch: Fetch, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    fetch(lambda folder: write(folder / "m", FILES))
    assert contents(tmp_path / "target") == FILES


def test_a_missing_parent_is_made(fetch: Fetch, tmp_path: Path) -> None:
    fetch(lambda folder: write(folder / "m", FILES), path=tmp_path / "a" / "b" / "model")
    assert contents(tmp_path / "a" / "b" / "model") == FILES


def test_files_of_somebody_elses_are_not_touched(fetch: Fetch, tmp_path: Path) -> None:
    write(tmp_path / "target", {"mine.txt": b"mine"})
    with pytest.raises(ActionError, match="holds files that this action did not fetch"):
        fetch(lambda folder: write(folder / "m", FILES))
    assert contents(tmp_path / "target") == {"mine.txt": b"mine"}


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_target_that_is_no_folder_is_not_replaced(fetch: Fetch, tmp_path: Path, kind: str) -> None:
    target, elsewhere = tmp_path / "target", tmp_path / "elsewhere"
    elsewhere.mkdir()
    if kind == "file":
        target.write_text("mine")
    else:
        target.symlink_to(elsewhere)
    with pytest.raises(ActionError, match="is not a folder"):
        fetch(lambda folder: write(folder / "m", FILES))
    assert target.is_symlink() or target.read_text() == "mine"
    assert list(elsewhere.iterdir()) == []


@pytest.mark.fault(
    "model: the download breaks off, or the step is killed", "what was in the folder before is left as it was"
)
def test_a_download_that_breaks_off_leaves_the_former_model_as_it_was(fetch: Fetch, tmp_path: Path) -> None:
    fetch(lambda folder: write(folder / "m", FILES))

    def break_off(folder: Path) -> None:
        write(folder / "m", {"model.onnx": b"half"})
        raise OSError("connection reset")

    with pytest.raises(ActionError, match="model animals:3 was not downloaded: connection reset"):
        fetch(break_off)
    assert contents(tmp_path / "target") == FILES
    assert [entry.name for entry in tmp_path.iterdir()] == ["target"]


@pytest.mark.fault(
    "model: the download breaks off, or the step is killed", "what was in the folder before is left as it was"
)
def test_a_download_that_is_killed_half_way_leaves_no_target(fetch: Fetch, tmp_path: Path) -> None:
    def killed(folder: Path) -> None:
        write(folder / "m", {"model.onnx": b"half"})
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(killed)
    assert list(tmp_path.iterdir()) == []


def test_the_stamp_says_which_model_it_is(fetch: Fetch, tmp_path: Path) -> None:
    fetched = fetch(lambda folder: write(folder / "m", FILES), source="sha256:1")
    stamp = json.loads((tmp_path / "target" / ".fetched-model.json").read_text())
    assert stamp == {"name": "animals", "version": "3", "sha256": fetched.sha256, "source": "sha256:1"}


def nothing_to_do(_: Path) -> None:
    raise AssertionError("it is downloaded again")


def test_what_is_there_already_is_not_downloaded(fetch: Fetch) -> None:
    first = fetch(lambda folder: write(folder / "m", FILES), source="sha256:1")
    assert fetch(nothing_to_do, source="sha256:1") == first
    assert first.job_name == "trained-7"


@pytest.mark.parametrize("source", ["sha256:2", None])
def test_what_is_stored_otherwise_or_cannot_be_told_is_downloaded(
    fetch: Fetch, tmp_path: Path, source: str | None
) -> None:
    fetch(lambda folder: write(folder / "m", FILES), source="sha256:1")
    fetch(lambda folder: write(folder / "m", {"model.onnx": b"new"}), source=source)
    assert contents(tmp_path / "target") == {"model.onnx": b"new"}


@pytest.mark.parametrize("change", ["changed", "removed", "added", "stamp"])
def test_a_folder_that_is_not_as_it_was_is_downloaded(fetch: Fetch, tmp_path: Path, change: str) -> None:
    fetch(lambda folder: write(folder / "m", FILES), source="sha256:1")
    target = tmp_path / "target"
    if change == "removed":
        (target / "model.onnx").unlink()
    else:
        name = {"changed": "model.onnx", "added": "more", "stamp": ".fetched-model.json"}[change]
        (target / name).write_text("something else")
    fetch(lambda folder: write(folder / "m", FILES), source="sha256:1")
    assert contents(target) == FILES


@pytest.mark.parametrize("given", [{}, {"name": "animals"}, {"version": "3"}])
def test_without_a_model_nothing_is_asked_for(given: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ActionError, match="give name and version"):
        fetch_model.fetch_model(**given, path=tmp_path / "target")

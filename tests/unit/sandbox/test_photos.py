from pathlib import Path

import pytest
import yaml

from sandbox import photos
from sandbox.processes import SandboxError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in photos.CLASSES:
        (tmp_path / "given" / name).mkdir(parents=True)
        for number in range(12):
            (tmp_path / "given" / name / f"{number}.jpg").write_bytes(f"{name} {number}".encode())
    return tmp_path / "given"


def files(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def test_the_photos_held_back_are_in_no_data_asset(data: Path, tmp_path: Path) -> None:
    prepared = photos.prepare(tmp_path / "out", data)
    for name in photos.CLASSES:
        held_back = {p.name for p in prepared.held_back[name]}
        assert len(held_back) == photos.HELD_BACK
        assert files(prepared.assets / name) == files(data / name) - held_back


def test_an_asset_names_its_folder_and_its_version(data: Path, tmp_path: Path) -> None:
    prepared = photos.prepare(tmp_path / "out", data)
    asset = yaml.safe_load((prepared.assets / "dogs.yaml").read_text())
    assert (asset["name"], asset["path"], asset["version"]) == ("dogs", "dogs", prepared.version)


def test_the_version_changes_with_the_content_only(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(("20260101000000", "20260101000001", "20260101000002"))
    monkeypatch.setattr(photos.time, "strftime", lambda *_: next(moments))
    first = photos.prepare(tmp_path / "out", data).version
    assert photos.prepare(tmp_path / "out", data).version == first
    (data / "cats" / "0.jpg").write_bytes(b"another cat")
    assert photos.prepare(tmp_path / "out", data).version != first


def test_a_missing_class_is_named(data: Path, tmp_path: Path) -> None:
    for photo in (data / "pandas").iterdir():
        photo.unlink()
    (data / "pandas").rmdir()
    with pytest.raises(SandboxError, match=r"no folder pandas"):
        photos.prepare(tmp_path / "out", data)


def test_too_few_photos_are_counted(data: Path, tmp_path: Path) -> None:
    for photo in sorted((data / "dogs").iterdir())[3:]:
        photo.unlink()
    with pytest.raises(SandboxError, match=r"dogs has 3 photos"):
        photos.prepare(tmp_path / "out", data)

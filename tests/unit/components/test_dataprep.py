from __future__ import annotations

import importlib.util
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from .conftest import ROOT, RunComponent

PREPROCESSING = ROOT / "inference" / "animal_classifier" / "preprocessing.py"
GOLDEN = ROOT / "inference" / "tests" / "golden"


def picture(number: int, size: tuple[int, int] = (90, 60)) -> Image.Image:
    across = Image.linear_gradient("L").resize(size)
    return Image.merge("RGB", (across, across.transpose(Image.Transpose.ROTATE_180), Image.new("L", size, number)))


def prepare(run_component: RunComponent, data: Path, output: Path, **inputs: object) -> dict[str, object]:
    ended = run_component("dataprep/dataprep", **{"data": data, "label": "cats", "output_data": output} | inputs)
    assert ended.returncode == 0, ended.stderr
    return json.loads((output / "report.json").read_text(encoding="utf-8")) | {"log": ended.stdout}


def one_line(ended: subprocess.CompletedProcess[str]) -> str:
    assert ended.returncode == 1, ended.stdout + ended.stderr
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1, ended.stderr
    return lines[0]


def test_the_code_is_packed_with_the_very_preprocessing_of_the_service(snapshot: Callable[[str], Path]) -> None:
    for name in ("dataprep", "data_split", "dataprep_parallel", "dataprep_report"):
        packed = {path.name for path in snapshot(f"dataprep/{name}").iterdir()}
        programs = {"data_split.py", "dataprep.py", "dataprep_parallel.py", "dataprep_report.py"}
        assert packed == {*programs, "preparation", "preprocessing.py"}
        assert (snapshot(f"dataprep/{name}") / "preprocessing.py").read_bytes() == PREPROCESSING.read_bytes()


@pytest.mark.parametrize("photo", ["landscape.jpg", "turned.jpg", "cmyk.jpg", "transparent.webp"])
def test_prepares_photos_to_the_bit_as_the_service_does(
    run_component: RunComponent, tmp_path: Path, photo: str
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / photo).write_bytes((GOLDEN / photo).read_bytes())
    prepare(run_component, data, tmp_path / "out")
    [made] = (tmp_path / "out" / "cats").iterdir()
    with Image.open(made) as image, Image.open((GOLDEN / photo).with_suffix(".prepared.png")) as golden:
        assert image.format == "PNG"
        assert image.mode == golden.mode
        assert image.tobytes() == golden.tobytes()


def test_what_was_prepared_is_what_the_service_makes_of_it(run_component: RunComponent, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("preprocessing", PREPROCESSING)
    assert spec
    assert spec.loader
    preprocessing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(preprocessing)
    (tmp_path / "data").mkdir()
    picture(7).save(tmp_path / "data" / "a.jpg")
    prepare(run_component, tmp_path / "data", tmp_path / "out")
    [made] = (tmp_path / "out" / "cats").iterdir()
    with made.open("rb") as stored, (tmp_path / "data" / "a.jpg").open("rb") as photo:
        served = preprocessing.prepare(photo, width=64, height=64)
        again = preprocessing.prepare(stored, width=64, height=64)
    assert again.tobytes() == served.tobytes()


def test_reads_all_formats_and_subfolders_at_the_size_asked_for(run_component: RunComponent, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "more" / "and more").mkdir(parents=True)
    picture(1).save(data / "a.jpg")
    picture(2).save(data / "a.png")
    picture(3).save(data / "more" / "a.webp")
    picture(4).save(data / "more" / "and more" / "a.gif")
    picture(5).save(data / "without suffix", "JPEG")
    report = prepare(run_component, data, tmp_path / "out", label="red pandas", width=30, height=20)
    assert report["prepared"] == 5
    assert report["left_out"] == {}
    made = list((tmp_path / "out" / "red pandas").iterdir())
    assert len(made) == 5
    for path in made:
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", (30, 20))


def test_counts_and_reports_what_it_leaves_out(run_component: RunComponent, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "sub").mkdir(parents=True)
    picture(1).save(data / "good.jpg")
    jpeg = (data / "good.jpg").read_bytes()
    (data / "sub" / "again.jpg").write_bytes(jpeg)
    (data / "truncated.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (data / "empty.jpg").touch()
    (data / "notes.txt").write_text("cats", encoding="utf-8")
    picture(2).save(data / "old.bmp")
    Image.new("1", (5000, 5000)).save(data / "bomb.png")
    report = prepare(run_component, data, tmp_path / "out")
    assert report["prepared"] == 1
    assert len(list((tmp_path / "out" / "cats").iterdir())) == 1
    left_out = report["left_out"]
    assert sorted(left_out) == ["bomb.png", "empty.jpg", "notes.txt", "old.bmp", "sub/again.jpg", "truncated.jpg"]
    assert "5000 x 5000 pixels; at most 16,000,000 are allowed" in left_out["bomb.png"]
    assert "not a JPEG, PNG, WEBP or GIF image" in left_out["notes.txt"]
    assert "can't be decoded" in left_out["truncated.jpg"]
    assert left_out["sub/again.jpg"] == "the same file as good.jpg"
    for name, reason in left_out.items():
        assert f"left out {name}: {reason}" in report["log"]
    assert "cats: 1 images prepared, 6 files left out" in report["log"]


def test_a_class_without_an_image_is_an_error(run_component: RunComponent, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    asked = {"data": data, "label": "cats", "output_data": tmp_path / "out"}
    message = one_line(run_component("dataprep/dataprep", **asked))
    assert message == f"dataprep: cats: there is no file in {data}"
    (data / "a.jpg").write_bytes(b"nonsense")
    assert "none of the 1 files" in one_line(run_component("dataprep/dataprep", **asked))


def test_refuses_what_can_not_be_right(run_component: RunComponent, tmp_path: Path) -> None:
    def message(**inputs: object) -> str:
        asked = {"data": tmp_path, "label": "cats", "output_data": tmp_path / "out"} | inputs
        return one_line(run_component("dataprep/dataprep", **asked))

    assert "there is no such folder" in message(data=tmp_path / "nothing")
    assert "can't name a class" in message(label="../cats")
    (tmp_path / "out" / "cats").mkdir(parents=True)
    (tmp_path / "out" / "cats" / "old.png").touch()
    assert "is not empty" in message()

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from .conftest import RunComponent
from .test_dataprep import one_line

COUNTS = {"pandas": 10, "cats": 20, "dogs": 31}


def prepared(folder: Path, **counts: int) -> dict[str, object]:
    """Prepared folders of that many images, as the inputs animal_1 to animal_3."""
    for label, count in counts.items():
        (folder / label / label).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (2, 2), (number, 0, 0)).save(folder / label / label / f"{number:03}.png")
        (folder / label / "report.json").write_text("{}", encoding="utf-8")
    return {f"animal_{number}": folder / label for number, label in enumerate(counts, start=1)}


def drawn(run_component: RunComponent, output: Path, **inputs: object) -> dict[str, dict[str, set[str]]]:
    targets = {"training_data": output / "training", "testing_data": output / "testing"}
    ended = run_component("dataprep/data_split", **inputs, **targets)
    assert ended.returncode == 0, ended.stderr
    return {
        name: {label.name: {path.name for path in label.iterdir()} for label in target.iterdir()}
        for name, target in targets.items()
    }


@pytest.mark.parametrize(
    ("percentage", "testing"),
    [
        (20, {"pandas": 2, "cats": 4, "dogs": 6}),
        (50, {"pandas": 5, "cats": 10, "dogs": 16}),
        (1, {"pandas": 1, "cats": 1, "dogs": 1}),
        (99, {"pandas": 9, "cats": 19, "dogs": 30}),
    ],
)
def test_each_label_has_its_share_in_both(
    run_component: RunComponent, tmp_path: Path, percentage: int, testing: dict[str, int]
) -> None:
    animals = prepared(tmp_path / "in", **COUNTS)
    parts = drawn(run_component, tmp_path / "out", **animals, train_test_split_percentage=percentage)
    assert {label: len(names) for label, names in parts["testing_data"].items()} == testing
    for label, count in COUNTS.items():
        assert not parts["training_data"][label] & parts["testing_data"][label]
        assert len(parts["training_data"][label] | parts["testing_data"][label]) == count


def test_the_draw_goes_by_the_seed_and_by_nothing_else(run_component: RunComponent, tmp_path: Path) -> None:
    animals = prepared(tmp_path / "in", **COUNTS)
    first = drawn(run_component, tmp_path / "first", **animals)
    moved = dict(zip(animals, reversed(animals.values()), strict=True))
    assert drawn(run_component, tmp_path / "again", **moved) == first
    assert drawn(run_component, tmp_path / "other", **animals, seed=43) != first


def test_images_are_copied_as_they_are(run_component: RunComponent, tmp_path: Path) -> None:
    animals = prepared(tmp_path / "in", **COUNTS)
    drawn(run_component, tmp_path / "out", **animals)
    for part in ("training", "testing"):
        for path in (tmp_path / "out" / part / "dogs").iterdir():
            assert path.read_bytes() == (tmp_path / "in" / "dogs" / "dogs" / path.name).read_bytes()


def test_refuses_what_can_not_be_split(run_component: RunComponent, tmp_path: Path) -> None:
    def message(case: str, **inputs: object) -> str:
        targets = {"training_data": tmp_path / case / "training", "testing_data": tmp_path / case / "testing"}
        return one_line(run_component("dataprep/data_split", **inputs, **targets))

    animals = prepared(tmp_path / "in", **COUNTS)
    for percentage in (0, 100, -20):
        refusal = message(f"percentage {percentage}", **animals, train_test_split_percentage=percentage)
        assert f"train_test_split_percentage is {percentage}; it must be from 1 to 99" in refusal
    twice = message("twice", **animals | {"animal_3": animals["animal_1"]})
    assert "hold images of 'pandas'; give each its own label" in twice
    (tmp_path / "empty").mkdir()
    assert "there is no folder of prepared images" in message("empty", **animals | {"animal_1": tmp_path / "empty"})
    (tmp_path / "empty" / "bears").mkdir()
    assert "no prepared image of 'bears'" in message("bears", **animals | {"animal_1": tmp_path / "empty"})
    one = prepared(tmp_path / "one", bears=1)
    assert "'bears' has 1 image; at least 2 are needed" in message("one", **animals | {"animal_2": one["animal_1"]})
    (tmp_path / "old" / "testing" / "cats").mkdir(parents=True)
    (tmp_path / "old" / "testing" / "cats" / "old.png").touch()
    assert "is not empty" in message("old", **animals)

"""Parts of the training that need no TensorFlow: the validation part, early stopping, checkpoints and TF_CONFIG."""

from __future__ import annotations

import importlib
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from .conftest import COMPONENTS

CODE = COMPONENTS / "training" / "code"
NAMES = ("checkpoints", "cluster", "dataset", "stopping", "validation")


@pytest.fixture
def code(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """The training's modules, which are a program's own and not a package's."""
    monkeypatch.syspath_prepend(str(CODE))
    yield {name: importlib.import_module(name) for name in NAMES}
    for name in NAMES:
        del sys.modules[name]


def photos(code: dict[str, ModuleType], *counts: int) -> Any:
    classes = np.repeat(np.arange(len(counts)), counts)
    images = np.arange(len(classes), dtype=np.uint8).reshape(-1, 1, 1, 1) * np.ones((2, 2, 3), np.uint8)
    return code["dataset"].Dataset([f"label{number}" for number in range(len(counts))], images, classes)


def names(part: Any) -> list[int]:
    return part.images[:, 0, 0, 0].tolist()


def test_the_validation_part_is_of_each_label_the_like_share(code: dict[str, ModuleType]) -> None:
    split = code["validation"].split
    whole = photos(code, 40, 20, 4)
    training, validation = split(whole, 10, seed=7)
    assert np.bincount(validation.classes).tolist() == [4, 2, 1]
    assert sorted(names(training) + names(validation)) == names(whole)
    for part in (training, validation):
        assert all(whole.classes[name] == own for name, own in zip(names(part), part.classes, strict=True))
    again, other = split(whole, 10, seed=7)[1], split(whole, 10, seed=8)[1]
    assert names(again) == names(validation)
    assert names(other) != names(validation)
    assert split(whole, 0, seed=7) == (whole, None)
    with pytest.raises(code["dataset"].DatasetError, match=r"10 percent of the 1 images of 'label1' .* leave none"):
        split(photos(code, 5, 1), 10, seed=7)


@pytest.mark.parametrize(
    ("patience", "losses", "kept", "epochs"),
    [(2, [5, 4, 6, 4, 1, 1], 2, 4), (3, [5, 4, 6, 4, 1, 2], 5, 6), (6, [5, 4, 6, 7, 8, 9], 0, 6), (0, [1, 2], 0, 2)],
)
def test_a_training_ends_when_its_patience_is_over(
    code: dict[str, ModuleType], patience: int, losses: list[float], kept: int, epochs: int
) -> None:
    stopping = code["stopping"].EarlyStopping(patience, len(losses))
    made = 0
    while made < len(losses) and not stopping.over(made):
        made += 1
        if stopping.better(losses[made - 1]):
            stopping.keep(made, losses[made - 1], [np.array(made)])
    assert (stopping.best_epoch, made) == (kept, epochs)
    assert stopping.best_weights == ([kept] if kept else [])


def written(code: dict[str, ModuleType], folder: Path, epochs: int, **identity: object) -> Any:
    checkpoints = code["checkpoints"].Checkpoints(folder, {"seed": 1, "photos": "abc"} | identity)
    for epoch in range(1, epochs + 1):
        values = [np.full((3, 2), epoch, np.float32), np.array(epoch, np.int64)]
        checkpoints.write(code["checkpoints"].Checkpoint(epoch, values, [np.zeros(2)], {"history": {"loss": [0.5]}}))
    return checkpoints


def test_a_checkpoint_is_read_as_it_was_written(code: dict[str, ModuleType], tmp_path: Path) -> None:
    checkpoints = written(code, tmp_path / "new", 4)
    assert {path.name for path in checkpoints.folder.iterdir()} == {"checkpoint-000003.npz", "checkpoint-000004.npz"}
    last = checkpoints.last()
    assert (last.epoch, last.notes) == (4, {"history": {"loss": [0.5]}})
    assert [value.tolist() for value in last.values] == [[[4, 4]] * 3, 4]
    assert [value.dtype for value in last.values] == [np.float32, np.int64]
    assert [value.tolist() for value in last.best] == [[0, 0]]
    assert code["checkpoints"].Checkpoints(tmp_path / "none", {}).last() is None


@pytest.mark.parametrize("damage", ["cut off", "altered", "empty"])
def test_a_torn_checkpoint_is_left_aside(
    code: dict[str, ModuleType], tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    checkpoints = written(code, tmp_path, 3)
    path = tmp_path / "checkpoint-000003.npz"
    content = path.read_bytes()
    at = content.index(np.full(6, 3, np.float32).tobytes())
    torn = {"cut off": content[:-30], "altered": content[:at] + b"!" + content[at + 1 :], "empty": b""}
    path.write_bytes(torn[damage])
    (tmp_path / "checkpoint-000004.part").write_bytes(content[:100])  # of a write that was killed
    with caplog.at_level(logging.WARNING):
        assert checkpoints.last().epoch == 2
    assert f"{path} is damaged (" in caplog.text
    assert "left aside as checkpoint-000003.damaged" in caplog.text
    assert (tmp_path / "checkpoint-000003.damaged").read_bytes() == torn[damage]
    assert checkpoints.last().epoch == 2


def test_a_checkpoint_of_another_training_is_refused(code: dict[str, ModuleType], tmp_path: Path) -> None:
    written(code, tmp_path, 1)
    other = code["checkpoints"].Checkpoints(tmp_path, {"seed": 2, "photos": "abc"})
    with pytest.raises(code["checkpoints"].CheckpointError) as error:
        other.last()
    assert str(error.value) == (
        f"{tmp_path}/checkpoint-000001.npz is of another training: its seed is 1, here it is 2; "
        "name another checkpoint folder, or empty this one"
    )
    newer = code["checkpoints"].Checkpoints(tmp_path, {"seed": 1, "photos": "abc", "recipe": "x"})
    with pytest.raises(code["checkpoints"].CheckpointError, match="its recipe is None, here it is 'x'"):
        newer.last()


def config(kind: str, index: int, **cluster: object) -> str:
    # As Azure ML writes it.
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}, "environment": "cloud"})


@pytest.mark.parametrize(
    ("config", "place"),
    [
        (config("worker", 1, worker=["10.0.0.4:2222", "10.0.0.5:2222"]), (1, 2)),
        (config("worker", 0, worker=["[::1]:2222"], ps=[]), (0, 1)),
        (config("worker", 1, chief=["a:1"], worker=["b:1", "c:1"]), (2, 3)),
        (config("chief", 0, chief=["a:1"], worker=["b:1", "c:1"]), (0, 3)),
    ],
)
def test_each_worker_knows_its_place(code: dict[str, ModuleType], config: str, place: tuple[int, int]) -> None:
    assert code["cluster"].place(config) == place


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "TF_CONFIG is not JSON (Expecting property name enclosed in double quotes"),
        ("[]", 'TF_CONFIG is not of the form {"cluster": {"worker": ["HOST:PORT", …]}, "task": '),
        (json.dumps({"cluster": {"worker": ["a:1"]}}), 'TF_CONFIG is not of the form {"cluster": {"worker"'),
        (config("worker", 2, worker=["a:1", "b:1"]), "its task, worker 2, is none of the cluster's 2 workers"),
        (config("evaluator", 0, worker=["a:1"]), "its task, evaluator 0, is none of the cluster's 1 workers"),
        (config("worker", 0, worker=["a", "b:1"]), "cluster.worker: 'a' is not an address, HOST:PORT"),
        (config("worker", 0, worker=["a:1", None]), "cluster.worker: None is not an address, HOST:PORT"),
        (config("worker", 0, worker="a:1"), "cluster.worker is not a list of addresses, HOST:PORT: 'a:1'"),
        (config("worker", 0, worker=["a:1", "b:1"], ps=["c:1"]), "names parameter servers, which this training has no"),
    ],
)
def test_a_malformed_tf_config_is_named(code: dict[str, ModuleType], config: str, message: str) -> None:
    with pytest.raises(code["cluster"].ClusterError) as error:
        code["cluster"].place(config)
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1

"""The batches of the training, as its environment's TensorFlow makes them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)

# Each photo is of one shade, so that a view tells which photo it is of: 0, 1, 2 ….
PROGRAM = """
import json
import batches, recipe
import numpy as np
from dataset import Dataset
classes = np.arange(50) % 2
images = np.arange(50, dtype=np.uint8).reshape(-1, 1, 1, 1) * np.ones((1, 8, 8, 3), np.uint8)
photos = Dataset(["even", "odd"], images, classes)
recipe.BATCH = 16
recipe.BRIGHTNESS = recipe.HIDDEN = (0, 0)  # what the photos are known by here
noise = np.random.default_rng(1).integers(0, 255, (50, 8, 8, 3), dtype=np.uint8)
noisy = Dataset(["even", "odd"], noise, classes)

def made(steps, data=photos, seed=5, **shard):
    found = list(batches.training(data, seed=seed, steps=steps, **shard).as_numpy_iterator())
    return [views for views, _ in found], [expected for _, expected in found]

def shown(*asked, **shard):
    views, expected = made(*asked, **shard)
    assert all(np.allclose(batch, batch[:, :1, :1, :1]) for batch in views)
    names = [np.rint(batch[:, 0, 0, 0]).astype(int).tolist() for batch in views]
    assert [[name % 2 for name in batch] for batch in names] == [batch.argmax(axis=1).tolist() for batch in expected]
    return names

whole, again = made(range(6), noisy)[0], made(range(6), noisy)[0]
later, other = made(range(4, 6), noisy)[0], made(range(6), noisy, seed=6)[0]
print(json.dumps({
    "shown": shown(range(50)),
    "of two": [shown(range(50), shard=shard, shards=2) for shard in range(2)],
    "same": all(map(np.array_equal, whole, again)),
    "goes on": all(map(np.array_equal, whole[4:], later)),
    "other seed": any(map(np.array_equal, whole, other)),
    "two views": bool(np.array_equal(whole[0], whole[3])),
    "validation": [len(images) for images, _ in batches.validation(photos)],
    "of three": [
        [int(images[0, 0, 0, 0]) for images, _ in batches.validation(photos, shard=shard, shards=3)]
        for shard in range(3)
    ],
}))
"""


@pytest.fixture(scope="module")
def made(python: str, snapshot: Callable[[str], Path]) -> dict[str, object]:
    command, code = [python, "-c", PROGRAM], snapshot("training/training")
    ended = subprocess.run(command, cwd=code, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_each_pass_shows_every_photo_once_in_an_order_of_its_own(made: dict[str, list[list[int]]]) -> None:
    assert {len(batch) for batch in made["shown"]} == {16}, "a batch goes on into the next pass"
    row = [photo for batch in made["shown"] for photo in batch]
    passes = [row[start : start + 50] for start in range(0, len(row), 50)]
    assert len(passes) == 16
    assert all(sorted(shown) == list(range(50)) for shown in passes)
    assert len({tuple(shown) for shown in passes}) == 16


def test_workers_share_each_batch_among_them(made: dict[str, list[list[list[int]]]]) -> None:
    one, two = made["of two"]
    assert [sorted(a + b) for a, b in zip(one, two, strict=True)] == [sorted(batch) for batch in made["shown"]]
    assert {len(batch) for batch in one + two} == {8}


def test_a_batch_follows_from_the_seed_and_its_step(made: dict[str, object]) -> None:
    assert made["same"]
    assert made["goes on"], "without the steps before"
    assert not made["other seed"]
    assert not made["two views"]


def test_the_photos_to_validate_on_are_shared_without_one_left_out(made: dict[str, object]) -> None:
    assert made["validation"] == [16, 16, 16, 2]
    assert made["of three"] == [[0, 48], [16], [32]]

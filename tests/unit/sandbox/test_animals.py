import random
from pathlib import Path

import pytest
from PIL import Image

from sandbox import animals, photos


def test_every_class_of_the_pipeline_is_drawn(tmp_path: Path) -> None:
    animals.draw_animals(tmp_path, count=2, seed=1)
    drawn = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.jpg"))
    assert drawn == [f"{name}/{name}_{number:05}.jpg" for name in photos.CLASSES for number in range(2)]


@pytest.mark.parametrize("name", photos.CLASSES)
def test_a_seed_draws_the_same_photo_again(name: str) -> None:
    first, again, other = (animals.photograph(name, random.Random(seed)) for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_photos_have_the_sizes_of_photos(tmp_path: Path) -> None:
    animals.draw_animals(tmp_path, count=1, seed=3)
    for file in tmp_path.rglob("*.jpg"):
        with Image.open(file) as photo:
            assert photo.size in animals.SIZES
            assert photo.format == "JPEG"

"""Drawn animals: the same ones for a seed, of all sizes, and told apart by nothing but what is drawn."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from sandbox.animals import draw_animal, draw_animals

SPECIES = ("cats", "dogs", "pandas")


@pytest.mark.parametrize("species", SPECIES)
def test_a_seed_and_a_number_give_one_picture(species: str) -> None:
    picture = draw_animal(species, seed=3, number=5)
    assert picture == draw_animal(species, seed=3, number=5)
    assert picture != draw_animal(species, seed=4, number=5)
    assert picture != draw_animal(species, seed=3, number=6)


def test_a_folder_for_each_species_is_filled_alike_whoever_draws_it(tmp_path: Path) -> None:
    draw_animals(tmp_path / "one", count=6, seed=1)
    draw_animals(tmp_path / "two", count=6, seed=1)
    drawn = {file.relative_to(tmp_path / "one"): file.read_bytes() for file in (tmp_path / "one").rglob("*.jpg")}
    assert {name.parent.name: 6 for name in drawn} == dict.fromkeys(SPECIES, 6)
    assert len(drawn) == len(set(drawn.values())) == 18
    assert drawn == {
        file.relative_to(tmp_path / "two"): file.read_bytes() for file in (tmp_path / "two").rglob("*.jpg")
    }
    assert drawn[Path("cats/cats_00004.jpg")] == draw_animal("cats", seed=1, number=4)


def test_pictures_are_photos_in_size_and_vary_in_it() -> None:
    pictures = [Image.open(io.BytesIO(draw_animal("dogs", seed=9, number=number))) for number in range(30)]
    assert {(picture.format, picture.mode) for picture in pictures} == {("JPEG", "RGB")}
    assert len({picture.size for picture in pictures}) >= 4
    assert all(min(picture.size) >= 240 and max(picture.size) <= 640 for picture in pictures)


def test_brightness_alone_does_not_tell_the_species() -> None:
    """Each species' middle brightness lies well within what each other one has."""
    levels = {}
    for species in SPECIES:
        pictures = (Image.open(io.BytesIO(draw_animal(species, seed=2, number=n))).convert("L") for n in range(40))
        levels[species] = sorted(ImageStat.Stat(picture).mean[0] for picture in pictures)
    for one in SPECIES:
        for other in SPECIES:
            assert levels[other][4] < levels[one][20] < levels[other][-5], (one, other)

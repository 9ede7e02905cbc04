"""Cats, dogs and pandas drawn by a seed: photos for a demo on a machine that has no others.

They differ in what the animals differ in (ears, muzzle, eyes, markings), and vary as photos do: colour,
size, place, tilt, light, background, sharpness, noise. So a network has something to learn, and something to get wrong.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

Colour = tuple[int, int, int]
Point = tuple[float, float]

SIZES = ((500, 375), (375, 500), (499, 375), (500, 334), (400, 300), (350, 350))
"""Width and height in pixels, as photos of pets on the web have them."""

_LAYER = 400
"""Side of the square that an animal is drawn on, before it is scaled, tilted and placed."""

_FUR: dict[str, tuple[Colour, ...]] = {
    "cats": ((214, 138, 66), (120, 116, 112), (60, 55, 52), (226, 220, 208), (150, 110, 76)),
    "dogs": ((172, 116, 66), (216, 178, 122), (92, 62, 42), (232, 224, 210), (64, 58, 54), (132, 126, 118)),
    "pandas": ((238, 236, 230), (224, 222, 212), (246, 244, 240)),
}
_BLACK: Colour = (34, 32, 34)


def draw_animals(folder: Path, *, count: int, seed: int) -> None:
    """Write `count` JPEG photos each to `folder`/cats, /dogs and /pandas; the same seed draws the same photos."""
    for name in _DRAW:
        (folder / name).mkdir(parents=True, exist_ok=True)
    tasks = [(name, number) for name in _DRAW for number in range(count)]
    with ProcessPoolExecutor() as pool:
        for _ in pool.map(partial(_write, folder, seed), tasks, chunksize=25):
            pass


def _write(folder: Path, seed: int, task: tuple[str, int]) -> None:
    name, number = task
    photo = photograph(name, random.Random(f"{seed} {name} {number}"))  # noqa: S311 - drawn, not guarded
    photo.save(folder / name / f"{name}_{number:05}.jpg", quality=88)


def photograph(name: str, chance: random.Random) -> Image.Image:
    """One photo of an animal of the class `name`."""
    photo = _background(chance)
    photo.paste(*_placed(_animal(name, chance), photo.size, chance))
    _clutter(ImageDraw.Draw(photo), photo.size, chance, chance.randint(0, 3))
    photo = ImageEnhance.Brightness(photo).enhance(chance.uniform(0.65, 1.25))
    photo = ImageEnhance.Color(photo).enhance(chance.uniform(0.5, 1.3))
    photo = photo.filter(ImageFilter.GaussianBlur(chance.uniform(0, 1.8)))
    return ImageChops.overlay(photo, _grain(photo.size, chance))


def _grain(size: tuple[int, int], chance: random.Random) -> Image.Image:
    """Grey noise around the middle tone; Pillow's own noise cannot be seeded."""
    strength = chance.uniform(0.1, 0.4)
    noise = Image.frombytes("L", size, chance.randbytes(size[0] * size[1]))
    return noise.point([round(128 + (value - 128) * strength) for value in range(256)]).convert("RGB")


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (max(0, min(255, round(part * factor))) for part in colour)
    return red, green, blue


def _background(chance: random.Random) -> Image.Image:
    """A room or a meadow: two tones that run into each other, with soft patches in them."""
    width, height = chance.choice(SIZES)
    tones = [tuple(chance.randint(40, 225) for _ in range(3)) for _ in range(2)]
    ramp = Image.linear_gradient("L").rotate(chance.choice((0, 90, 180, 270))).resize((width, height))
    scene = Image.composite(Image.new("RGB", ramp.size, tones[0]), Image.new("RGB", ramp.size, tones[1]), ramp)
    _clutter(ImageDraw.Draw(scene), scene.size, chance, chance.randint(4, 14))
    return scene.filter(ImageFilter.GaussianBlur(chance.uniform(2, 9)))


def _clutter(draw: ImageDraw.ImageDraw, size: tuple[int, int], chance: random.Random, count: int) -> None:
    for _ in range(count):
        x, y = chance.uniform(0, size[0]), chance.uniform(0, size[1])
        w, h = chance.uniform(8, 70), chance.uniform(8, 70)
        colour = tuple(chance.randint(20, 240) for _ in range(3))
        shape = chance.choice((draw.ellipse, draw.rectangle))
        shape((x, y, x + w, y + h), fill=colour)


def _placed(
    animal: Image.Image, size: tuple[int, int], chance: random.Random
) -> tuple[Image.Image, tuple[int, int], Image.Image]:
    """The animal scaled, tilted and mirrored by chance, where it goes, and its mask."""
    side = round(min(size) * chance.uniform(0.55, 1.05))
    animal = animal.rotate(chance.gauss(0, 12), Image.Resampling.BILINEAR).resize((side, side))
    if chance.choice((True, False)):
        animal = animal.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    spare = (size[0] - side, size[1] - side)
    where = tuple(round(left * chance.uniform(0.1, 0.9)) for left in spare)
    return animal.convert("RGB"), (where[0], where[1]), animal.getchannel("A")


class _Pen:
    """Draws on an animal's layer in coordinates from -1 to 1 around the middle of its head."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.layer = Image.new("RGBA", (_LAYER, _LAYER), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self.layer)
        self._scale = _LAYER * 0.3
        self._middle = (_LAYER / 2, _LAYER * 0.42)

    def _at(self, point: Point) -> Point:
        return self._middle[0] + point[0] * self._scale, self._middle[1] + point[1] * self._scale

    def ellipse(self, middle: Point, rx: float, ry: float, colour: Colour) -> None:
        (x, y), rx, ry = self._at(middle), rx * self._scale, ry * self._scale
        self._draw.ellipse((x - rx, y - ry, x + rx, y + ry), fill=colour)

    def polygon(self, points: list[Point], colour: Colour) -> None:
        self._draw.polygon([self._at(point) for point in points], fill=colour)

    def line(self, points: list[Point], colour: Colour, width: float) -> None:
        self._draw.line([self._at(point) for point in points], fill=colour, width=max(1, round(width * self._scale)))

    def pair(self, shape: Callable[[float], None]) -> None:
        """Draw a shape on the left (-1) and on the right (1)."""
        for side in (-1.0, 1.0):
            shape(side)

    def maybe(self, probability: float) -> bool:
        """True as often as that."""
        return self.chance.random() < probability

    def around(self, spread: float) -> float:
        """A factor near 1."""
        return self.chance.uniform(1 - spread, 1 + spread)


def _animal(name: str, chance: random.Random) -> Image.Image:
    pen = _Pen(chance)
    fur = _shade(chance.choice(_FUR[name]), chance.uniform(0.85, 1.1))
    _DRAW[name](pen, fur)
    return pen.layer


def _body(pen: _Pen, colour: Colour, width: float) -> None:
    if pen.maybe(0.75):
        pen.ellipse((pen.chance.uniform(-0.3, 0.3), 1.5), width * pen.around(0.15), 1.0, colour)


def _eyes(pen: _Pen, apart: float, high: float, iris: Colour, pupil: tuple[float, float]) -> None:
    size = 0.15 * pen.around(0.2)
    pen.pair(lambda side: pen.ellipse((side * apart, high), size, size, iris))
    pen.pair(lambda side: pen.ellipse((side * apart, high), size * pupil[0], size * pupil[1], _BLACK))


def _cat(pen: _Pen, fur: Colour) -> None:
    """Pointed ears, slit pupils, a small nose, whiskers; often stripes."""
    chance, dark = pen.chance, _shade(fur, 0.6)
    _body(pen, fur, 0.75)
    tip, base = 1.25 * pen.around(0.12), 0.42 * pen.around(0.15)
    pen.pair(lambda s: pen.polygon([(s * 0.95, -0.3), (s * 0.8, -tip), (s * (0.8 - base), -0.8)], fur))
    pen.pair(
        lambda s: pen.polygon([(s * 0.85, -0.5), (s * 0.77, -tip * 0.88), (s * (0.82 - base), -0.8)], (206, 150, 150))
    )
    pen.ellipse((0, 0), 0.98 * pen.around(0.05), 0.85 * pen.around(0.06), fur)
    if pen.maybe(0.6):
        for x in (-0.25, 0.0, 0.25):
            pen.line([(x, -0.8), (x * 0.6, -0.42)], dark, 0.07)
        pen.pair(lambda s: pen.line([(s * 0.95, 0.1), (s * 0.6, 0.15)], dark, 0.06))
    iris = chance.choice(((150, 180, 70), (214, 170, 60), (110, 160, 190)))
    _eyes(pen, 0.4 * pen.around(0.1), -0.12, iris, (0.3, 0.95))
    pen.ellipse((0, 0.42), 0.34, 0.24, _shade(fur, 1.25))
    pen.polygon([(-0.1, 0.26), (0.1, 0.26), (0, 0.38)], (196, 120, 120))
    for high in (-0.08, 0.02, 0.12):
        pen.pair(lambda s, h=high: pen.line([(s * 0.25, 0.4), (s * 1.25, 0.4 + h * 2)], (235, 235, 230), 0.015))  # type: ignore[misc]


def _dog(pen: _Pen, fur: Colour) -> None:
    """Hanging ears, a long muzzle with a big nose, round eyes; often the tongue out."""
    dark = _shade(fur, pen.chance.uniform(0.5, 0.85))
    _body(pen, fur, 0.8)
    pen.ellipse((0, -0.05), 0.78 * pen.around(0.08), 0.95 * pen.around(0.06), fur)
    long, wide = 0.62 * pen.around(0.2), 0.26 * pen.around(0.2)
    pen.pair(lambda s: pen.ellipse((s * 0.85, -0.05), wide, long, dark))
    if pen.maybe(0.4):
        pen.ellipse((0.32, -0.18), 0.3, 0.34, dark)
    _eyes(pen, 0.32 * pen.around(0.1), -0.2, (92, 58, 34), (0.6, 0.6))
    pen.ellipse((0, 0.48), 0.46 * pen.around(0.1), 0.42 * pen.around(0.1), _shade(fur, 1.2))
    if pen.maybe(0.6):
        pen.ellipse((0.02, 0.95), 0.16, 0.3, (214, 104, 112))
    pen.ellipse((0, 0.28), 0.2 * pen.around(0.15), 0.15, _BLACK)
    pen.line([(0, 0.4), (0, 0.62)], _BLACK, 0.04)
    pen.pair(lambda s: pen.line([(0, 0.62), (s * 0.25, 0.7)], _BLACK, 0.04))


def _panda(pen: _Pen, fur: Colour) -> None:
    """A white head with round black ears, black patches round the eyes, and black shoulders."""
    chance = pen.chance
    black = _shade(_BLACK, pen.around(0.3))
    _body(pen, fur, 0.95)
    if pen.maybe(0.8):
        pen.ellipse((0, 1.15), 1.05, 0.42, black)
    ear = 0.32 * pen.around(0.15)
    pen.pair(lambda s: pen.ellipse((s * 0.75, -0.72), ear, ear, black))
    pen.ellipse((0, 0), 1.0 * pen.around(0.05), 0.88 * pen.around(0.05), fur)
    tilt, size = chance.uniform(0.1, 0.2), 0.22 * pen.around(0.15)
    for step in range(4):
        pen.pair(lambda s, k=step: pen.ellipse((s * (0.34 + k * 0.04), -0.12 + k * tilt / 2), size, size, black))  # type: ignore[misc]
    _eyes(pen, 0.37, -0.1, (70, 48, 36), (0.6, 0.6))
    pen.ellipse((0, 0.4), 0.4, 0.3, _shade(fur, 1.04))
    pen.ellipse((0, 0.3), 0.17, 0.11, black)
    pen.line([(-0.2, 0.55), (0, 0.5 + math.sin(tilt)), (0.2, 0.55)], black, 0.04)


_DRAW: dict[str, Callable[[_Pen, Colour], None]] = {"cats": _cat, "dogs": _dog, "pandas": _panda}

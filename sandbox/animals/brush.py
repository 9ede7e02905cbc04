"""Shapes in an animal's own coordinates, which are placed, turned and mirrored as the animal is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from PIL import ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]

_CORNERS = 36
_UNIT_CIRCLE = [(math.cos(2 * math.pi * i / _CORNERS), math.sin(2 * math.pi * i / _CORNERS)) for i in range(_CORNERS)]


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """The colour between two: `share` of the other."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def varied(colour: Colour, random: Random, by: int) -> Colour:
    """The colour, lighter or darker at random, a little off in hue too."""
    light = random.randint(-by, by)
    red, green, blue = (min(255, max(0, part + light + random.randint(-by // 4, by // 4))) for part in colour)
    return red, green, blue


def chance(random: Random, share: float) -> bool:
    """True for that share of all that is drawn."""
    return random.random() < share


@dataclass(frozen=True)
class Brush:
    """Draws around `centre`: the unit is `scale` pixels, a `flip` of -1 mirrors, and all is turned by `angle`."""

    draw: ImageDraw.ImageDraw
    random: Random
    centre: Point
    scale: float
    angle: float = 0
    flip: int = 1

    def at(self, x: float, y: float, *, scale: float = 1, angle: float = 0) -> Brush:
        """A brush for a part of the animal, around that point."""
        return replace(
            self,
            centre=self.pixel((x, y)),
            scale=self.scale * scale,
            angle=self.angle + angle * self.flip,
        )

    def pixel(self, point: Point) -> Point:
        """Where a point is in the picture."""
        x, y = point[0] * self.flip * self.scale, point[1] * self.scale
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return self.centre[0] + x * cos - y * sin, self.centre[1] + x * sin + y * cos

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled polygon."""
        self.draw.polygon([self.pixel(point) for point in points], fill=colour)

    def oval(self, x: float, y: float, across: float, down: float, colour: Colour, *, turn: float = 0) -> None:
        """A filled ellipse around a point, by its half axes, turned by `turn`."""
        cos, sin = math.cos(turn), math.sin(turn)
        self.polygon(
            [(x + across * u * cos - down * v * sin, y + across * u * sin + down * v * cos) for u, v in _UNIT_CIRCLE],
            colour,
        )

    def line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """A line through points, `width` units wide."""
        pixels = [self.pixel(point) for point in points]
        self.draw.line(pixels, fill=colour, width=max(1, round(width * self.scale)), joint="curve")

    def fur(self, x: float, y: float, across: float, down: float, colour: Colour, *, strokes: int = 90) -> None:
        """Short hairs inside an ellipse, each a shade of the colour."""
        for _ in range(strokes):
            radius, turn = math.sqrt(self.random.random()), self.random.uniform(0, 2 * math.pi)
            left, top = x + across * radius * math.cos(turn), y + down * radius * math.sin(turn)
            length = 0.05 + 0.08 * self.random.random()
            tip = (left + length * (left - x) + self.random.uniform(-0.03, 0.03), top + length)
            self.line([(left, top), tip], varied(colour, self.random, 26), 0.014)

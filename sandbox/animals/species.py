"""What cats, dogs and pandas look like: coats, heads, bodies. The unit is the radius of the head, around its middle."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from random import Random

from sandbox.animals.brush import Brush, Colour, chance, mixed, varied

BLACK, WHITE, PINK = (22, 20, 22), (242, 240, 234), (214, 138, 138)
_SIDES = (-1, 1)


@dataclass(frozen=True)
class Coat:
    """An animal's colours: most of it, its limbs and ears, muzzle and belly, and its markings."""

    fur: Colour
    limbs: Colour
    light: Colour
    marks: Colour


class Species(ABC):
    """Draws one animal's parts; what differs from one to the next is drawn from `random` once, in the beginning."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.coat = self._coat()

    @abstractmethod
    def _coat(self) -> Coat: ...

    @abstractmethod
    def head(self, brush: Brush) -> None:
        """Ears, face and all."""

    @abstractmethod
    def tail(self, brush: Brush) -> None:
        """Drawn before the body, from (0, 0) outward to the right."""

    def torso(self, brush: Brush, across: float, down: float) -> None:
        """The body between neck and legs, with its markings."""
        brush.oval(0, 0, across, down, self.coat.fur)
        brush.fur(0, 0, across * 0.95, down * 0.95, self.coat.fur)

    def leg(self, brush: Brush, length: float, width: float) -> None:
        """From (0, 0) down, with a paw."""
        brush.oval(0, length / 2, width, length / 2 + width, self.coat.limbs)
        brush.oval(0, length, width * 1.25, width * 0.8, mixed(self.coat.limbs, self.coat.light, 0.35))


class Cat(Species):
    """Pointed ears, slit pupils, whiskers, a long tail; often striped."""

    def _coat(self) -> Coat:
        base, light = self.random.choice(
            [
                ((203, 131, 62), WHITE), ((134, 124, 112), (214, 206, 196)), ((112, 86, 62), (206, 186, 160)),
                ((46, 43, 45), (84, 78, 78)), (BLACK, WHITE), ((224, 216, 202), (250, 246, 240)),
                ((150, 152, 160), (222, 222, 226)), ((218, 180, 132), (246, 232, 212)),
            ]
        )  # fmt: skip
        fur = varied(base, self.random, 16)
        self.striped = chance(self.random, 0.6)
        self.eyes = varied(self.random.choice([(154, 182, 74), (206, 166, 52), (96, 156, 190)]), self.random, 14)
        limbs = light if chance(self.random, 0.3) else fur
        return Coat(fur, limbs, light, mixed(fur, BLACK, self.random.uniform(0.35, 0.6)))

    def head(self, brush: Brush) -> None:
        """A wide head with a small muzzle."""
        spread, height = self.random.uniform(0.78, 0.95), self.random.uniform(1.25, 1.6)
        for side in _SIDES:
            tip = (side * spread * 0.95, -height)
            brush.polygon([(side * 0.14, -0.78), tip, (side * spread, -0.25)], self.coat.fur)
            brush.polygon([(side * 0.32, -0.8), (tip[0] * 0.97, tip[1] + 0.2), (side * spread * 0.9, -0.45)], PINK)
        brush.oval(0, 0, 1.04, 0.88, self.coat.fur)
        brush.fur(0, 0, 0.98, 0.82, self.coat.fur)
        if self.striped:
            for x in (-0.3, 0, 0.3):
                brush.line([(x * 1.3, -0.82), (x * 0.7, -0.42)], self.coat.marks, 0.09)
            for side in _SIDES:
                for y in (0.05, 0.28):
                    brush.line([(side * 1.0, y - 0.06), (side * 0.66, y)], self.coat.marks, 0.08)
        for side in _SIDES:
            brush.oval(side * 0.2, 0.4, 0.27, 0.21, self.coat.light)
            brush.oval(side * 0.42, -0.1, 0.24, 0.18, self.eyes, turn=side * -0.25)
            brush.oval(side * 0.42, -0.1, self.random.uniform(0.04, 0.12), 0.17, BLACK)
            brush.oval(side * 0.42 + 0.06, -0.17, 0.04, 0.04, WHITE)
            for rise in (-0.18, 0, 0.18):
                bend = self.random.uniform(-0.05, 0.05)
                brush.line([(side * 0.3, 0.36 + rise / 3), (side * 1.3, 0.32 + rise + bend)], WHITE, 0.02)
        brush.polygon([(-0.11, 0.18), (0.11, 0.18), (0, 0.3)], PINK)
        brush.line([(0, 0.3), (0, 0.42), (-0.16, 0.5)], BLACK, 0.03)
        brush.line([(0, 0.42), (0.16, 0.5)], BLACK, 0.03)

    def tail(self, brush: Brush) -> None:
        """Long and curved."""
        reach, curl = self.random.uniform(1.2, 1.9), self.random.uniform(-1.6, 0.9)
        curve = [(reach * t, curl * t * t - 0.5 * math.sin(2.5 * t)) for t in (i / 10 for i in range(11))]
        brush.line(curve, self.coat.fur, 0.26)
        brush.line(curve[-3:], self.coat.marks if self.striped else self.coat.light, 0.24)

    def torso(self, brush: Brush, across: float, down: float) -> None:
        """Striped across the back, if at all."""
        super().torso(brush, across, down)
        brush.oval(0, down * 0.35, across * 0.5, down * 0.5, self.coat.light)
        if self.striped:
            for x in (-0.6, -0.3, 0, 0.3, 0.6):
                top = -down * math.sqrt(1 - x * x) * 0.95
                brush.line([(x * across, top), (x * across * 0.9, top + down * 0.7)], self.coat.marks, 0.11)


class Dog(Species):
    """A long muzzle with a big nose, ears that hang or stand, often a tongue, patches and a collar."""

    def _coat(self) -> Coat:
        base, light = self.random.choice(
            [
                ((168, 112, 60), (226, 196, 156)), ((208, 168, 106), (240, 220, 180)), ((84, 56, 38), (180, 134, 92)),
                ((38, 36, 38), (160, 108, 66)), (WHITE, (250, 248, 244)), (BLACK, WHITE), ((138, 128, 118), WHITE),
            ]
        )  # fmt: skip
        fur = varied(base, self.random, 16)
        marks = self.random.choice([mixed(fur, BLACK, 0.55), mixed(fur, (120, 72, 36), 0.6), light])
        self.hanging, self.tongue = chance(self.random, 0.72), chance(self.random, 0.5)
        self.patch = self.random.choice([None, None, -1, 1])
        self.collar = self.random.choice([None, None, (178, 36, 40), (40, 74, 168), (44, 130, 72)])
        return Coat(fur, light if chance(self.random, 0.35) else fur, light, marks)

    def head(self, brush: Brush) -> None:
        """A narrow head; the muzzle is half of it."""
        length = self.random.uniform(0.85, 1.2)
        if not self.hanging:
            for side in _SIDES:
                brush.polygon([(side * 0.2, -0.8), (side * 0.7, -1.4), (side * 0.85, -0.3)], self.coat.marks)
        brush.oval(0, 0, 0.9, 0.98, self.coat.fur)
        brush.fur(0, 0, 0.85, 0.92, self.coat.fur)
        if self.patch:
            brush.oval(self.patch * 0.42, -0.2, 0.4, 0.46, self.coat.marks, turn=self.patch * 0.3)
        if self.tongue:
            brush.oval(0.05, 0.5 + length * 0.52, 0.16, 0.34, (216, 96, 108))
        brush.oval(0, 0.3 + length * 0.18, 0.5, 0.2 + length * 0.4, self.coat.light)
        brush.oval(0, 0.2 + length * 0.05, 0.26, 0.17, BLACK)
        brush.oval(-0.08, 0.15 + length * 0.05, 0.06, 0.04, (120, 116, 120))
        brush.line([(0, 0.4), (0, 0.62), (-0.26, 0.74)], BLACK, 0.04)
        brush.line([(0, 0.62), (0.26, 0.74)], BLACK, 0.04)
        for side in _SIDES:
            brush.oval(side * 0.38, -0.2, 0.15, 0.15, (72, 44, 26))
            brush.oval(side * 0.38, -0.2, 0.08, 0.09, BLACK)
            brush.oval(side * 0.38 + 0.05, -0.25, 0.035, 0.035, WHITE)
        if self.hanging:
            drop = self.random.uniform(0.55, 0.85)
            for side in _SIDES:
                brush.oval(side * 0.92, drop * 0.35 - 0.2, 0.27, drop, self.coat.marks, turn=side * -0.2)
                brush.fur(side * 0.92, drop * 0.35 - 0.2, 0.2, drop * 0.9, self.coat.marks, strokes=25)

    def tail(self, brush: Brush) -> None:
        """Shorter than a cat's, and up."""
        brush.line([(0, 0), (0.5, -0.35), (0.8, self.random.uniform(-1.3, -0.5))], self.coat.fur, 0.24)

    def torso(self, brush: Brush, across: float, down: float) -> None:
        """Patches on the back, and the collar."""
        super().torso(brush, across, down)
        brush.oval(0, down * 0.4, across * 0.45, down * 0.5, mixed(self.coat.fur, self.coat.light, 0.6))
        if self.patch:
            for _ in range(3):
                x, y = self.random.uniform(-0.5, 0.5) * across, self.random.uniform(-0.6, 0.1) * down
                brush.oval(x, y, across * 0.3, down * 0.24, self.coat.marks, turn=self.random.uniform(0, 3))
        if self.collar:
            brush.oval(0, -down * 0.8, across * 0.55, 0.13, self.collar)


class Panda(Species):
    """White, with black ears, eye patches, limbs and shoulders; sometimes with bamboo."""

    def _coat(self) -> Coat:
        white = varied((232, 226, 212), self.random, 14)
        dark = varied((34, 30, 30), self.random, 10)
        self.bamboo = chance(self.random, 0.4)
        return Coat(white, dark, mixed(white, WHITE, 0.5), dark)

    def head(self, brush: Brush) -> None:
        """Round as a ball."""
        ear, lift = self.random.uniform(0.3, 0.4), self.random.uniform(0.7, 0.86)
        for side in _SIDES:
            brush.oval(side * 0.76, -lift, ear, ear, self.coat.marks)
        brush.oval(0, 0, 1.12, 0.98, self.coat.fur)
        brush.fur(0, 0, 1.05, 0.92, self.coat.fur)
        tilt, patch = self.random.uniform(0.4, 0.8), self.random.uniform(0.24, 0.32)
        for side in _SIDES:
            brush.oval(side * 0.46, -0.06, patch * 0.85, patch * 1.25, self.coat.marks, turn=side * tilt)
            brush.oval(side * 0.42, -0.1, 0.1, 0.1, (58, 40, 32))
            brush.oval(side * 0.42 + 0.03, -0.13, 0.03, 0.03, WHITE)
        brush.oval(0, 0.46, 0.42, 0.32, self.coat.light)
        brush.oval(0, 0.32, 0.19, 0.12, BLACK)
        brush.line([(0, 0.42), (0, 0.56), (-0.18, 0.64)], BLACK, 0.04)
        brush.line([(0, 0.56), (0.18, 0.64)], BLACK, 0.04)
        if self.bamboo:
            brush.line([(-0.9, 0.9), (1.1, 0.5)], (112, 146, 62), 0.12)
            for x in (0.75, 1.0, 1.2):
                brush.oval(x, 0.4, 0.28, 0.07, (84, 132, 52), turn=self.random.uniform(-1, 1))

    def tail(self, brush: Brush) -> None:
        """A stump."""
        brush.oval(0.1, 0, 0.22, 0.2, self.coat.fur)

    def torso(self, brush: Brush, across: float, down: float) -> None:
        """The black of the forelegs goes round the shoulders."""
        super().torso(brush, across * 1.1, down)
        brush.oval(0, -down * 0.62, across * 0.9, down * 0.32, self.coat.marks)


SPECIES: dict[str, type[Species]] = {"cats": Cat, "dogs": Dog, "pandas": Panda}
"""By the name of their folder."""

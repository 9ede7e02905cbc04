"""A photo of one animal: where it is, how it stands, what is behind it, and how the camera saw it."""

from __future__ import annotations

import math
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

from sandbox.animals.brush import Brush, Colour, chance, varied
from sandbox.animals.species import Species

# As in photo collections, width and height.
_SIZES = [(500, 375)] * 5 + [(375, 500)] * 2 + [(500, 333), (333, 500), (400, 400), (640, 480), (320, 240)]
_PLACES: list[tuple[Colour, Colour]] = [
    ((150, 190, 226), (86, 130, 58)),  # sky and grass
    ((120, 146, 84), (70, 100, 48)),  # a wood
    ((214, 204, 186), (156, 118, 82)),  # a wall and a wooden floor
    ((178, 182, 188), (120, 120, 124)),  # concrete
    ((196, 164, 150), (142, 64, 60)),  # a sofa
    ((236, 238, 242), (206, 212, 222)),  # snow, or a white wall
    ((72, 66, 74), (40, 38, 44)),  # night
    ((196, 178, 140), (168, 146, 104)),  # sand
]


class Scene:
    """A picture that depends on the species and the seed alone."""

    def __init__(self, species: type[Species], seed: str) -> None:
        self.random = Random(seed)  # noqa: S311 - not a secret
        self._size = self.random.choice(_SIZES)
        self._image = self._background()
        self._draw = ImageDraw.Draw(self._image)
        self._animal = species(self.random)

    def photo(self) -> Image.Image:
        """The finished picture."""
        pose = self.random.choices([self._portrait, self._sitting, self._standing], weights=[4, 3, 3])[0]
        pose()
        if chance(self.random, 0.35):
            self._obstacle()
        return self._developed()

    def _background(self) -> Image.Image:
        """Two colours that run into each other, and blurred things in front of them."""
        random, (width, height) = self.random, self._size
        top, bottom = random.choice(_PLACES)
        gradient = Image.new("RGB", (1, 4))
        for y, colour in enumerate((top, top, bottom, bottom)):
            gradient.putpixel((0, y), varied(colour, random, 24))
        small = gradient.resize((width // 4, height // 4), Image.Resampling.BICUBIC)
        draw = ImageDraw.Draw(small)
        for _ in range(random.randint(2, 14)):
            x, y = random.randint(-10, small.width), random.randint(-10, small.height)
            right, down = x + random.randint(6, 60), y + random.randint(6, 60)
            colour = varied(random.choice((top, bottom)), random, 70)
            (draw.ellipse if chance(random, 0.6) else draw.rectangle)((x, y, right, down), fill=colour)
        blurred = small.filter(ImageFilter.GaussianBlur(random.uniform(0.4, 4)))
        return blurred.resize(self._size, Image.Resampling.BICUBIC)

    def _brush(self, x: float, y: float, radius: float, lean: float) -> Brush:
        """A brush at a point given in widths and heights, its unit in shorter sides, turned by up to `lean`."""
        (width, height), random = self._size, self.random
        return Brush(
            self._draw,
            random,
            (width * x, height * y),
            min(width, height) * radius,
            random.uniform(-lean, lean),
            random.choice((-1, 1)),
        )

    def _portrait(self) -> None:
        """The head fills the picture; the body is cut off."""
        random = self.random
        brush = self._brush(random.uniform(0.35, 0.65), random.uniform(0.4, 0.58), random.uniform(0.22, 0.38), 0.4)
        self._animal.torso(brush.at(0, 2.1), 1.25, 1.5)
        self._animal.head(brush)

    def _sitting(self) -> None:
        """From the front, upright."""
        random = self.random
        brush = self._brush(random.uniform(0.3, 0.7), random.uniform(0.24, 0.36), random.uniform(0.11, 0.18), 0.2)
        self._animal.tail(brush.at(0.8, 3.1))
        self._animal.torso(brush.at(0, 2.1), 1.05, 1.5)
        for side in (-1, 1):
            self._animal.leg(brush.at(side * 0.95, 2.9, angle=side * -0.5), 0.7, 0.42)
            self._animal.leg(brush.at(side * 0.42, 1.9), 1.7, 0.27)
        self._animal.head(brush.at(0, 0, angle=random.uniform(-0.3, 0.3)))

    def _standing(self) -> None:
        """From the side, its head turned to the camera."""
        random = self.random
        brush = self._brush(random.uniform(0.4, 0.6), random.uniform(0.5, 0.66), random.uniform(0.1, 0.16), 0.12)
        self._animal.tail(brush.at(1.7, -0.4))
        for x in (-1.25, -0.75, 0.95, 1.45):
            self._animal.leg(brush.at(x, 0.4, angle=random.uniform(-0.18, 0.18)), 1.5, 0.28)
        # The torso is drawn upright with its shoulders on top: they come to lie at the head's end.
        self._animal.torso(brush.at(0.1, 0, angle=-math.pi / 2), 0.95, 1.95)
        lift = random.uniform(-1.1, -0.2)
        self._animal.head(brush.at(-1.9, lift, angle=random.uniform(-0.25, 0.25)))

    def _obstacle(self) -> None:
        """Something in front of the camera, out of focus or not: a twig, a post, a cushion."""
        random, (width, height) = self.random, self._size
        colour = varied(random.choice(random.choice(_PLACES)), random, 50)
        if chance(random, 0.5):
            left = random.randint(0, width)
            self._draw.line(
                (left, 0, left + random.randint(-90, 90), height), fill=colour, width=random.randint(4, width // 14)
            )
        else:
            x, y = random.randint(0, width), height - random.randint(0, height // 8)
            self._draw.ellipse((x - width // 4, y, x + width // 4, y + height // 2), fill=colour)

    def _developed(self) -> Image.Image:
        """Lens, light and sensor: blur, a cast, contrast, noise; some pictures have no colour."""
        random = self.random
        image = self._image.filter(ImageFilter.GaussianBlur(random.uniform(0.5, 1.8)))
        if chance(random, 0.08):
            image = image.convert("L").convert("RGB")
        cast = Image.new("RGB", self._size, varied((226, 222, 218), random, 30))
        image = ImageChops.multiply(image, cast)
        image = ImageEnhance.Contrast(image).enhance(random.uniform(0.7, 1.25))
        image = ImageEnhance.Brightness(image).enhance(random.uniform(0.7, 1.3))
        small = (self._size[0] // 2, self._size[1] // 2)
        grain = Image.frombytes("L", small, random.randbytes(small[0] * small[1])).resize(self._size)
        return Image.blend(image, grain.convert("RGB"), random.uniform(0.02, 0.12))

"""The preparation as people write it first: one loop over the files. `python plain.py PHOTOS OUTPUT SIDE`."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image


def main(photos: Path, output: Path, side: int) -> None:
    """Bring every photo below a folder to `side` x `side` pixels, as PNG files."""
    for number, path in enumerate(sorted(photos.rglob("*.jpg"))):
        image = Image.open(path).convert("RGB")
        image = image.resize((side, side))
        image.save(output / f"{number}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))

"""The photos of a demo: the user's own or drawn ones, with some held back that no training and no test ever sees."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

from .animals import draw_animals
from .processes import SandboxError

CLASSES = ("cats", "dogs", "pandas")
"""The data assets that pipelines/animals-classification.yaml reads, and the folders that DATA must have."""

DRAWN = 300
"""Drawn photos a class, where there are no others."""

HELD_BACK = 5
"""Photos a class that stay out of the data assets, to be classified by the deployed service."""

SEED = 20


@dataclass(frozen=True)
class Photos:
    """Data asset files to register, the version they carry, and the photos held back, by class."""

    assets: Path
    version: str
    held_back: dict[str, list[Path]]


def _pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))


def _source(data: Path | None, drawn: Path) -> Path:
    """The folder of class folders: `data`, once it has been found fit, or drawn photos."""
    if data is None:
        if not drawn.exists():
            half_done = drawn.with_suffix(".part")
            shutil.rmtree(half_done, ignore_errors=True)
            draw_animals(half_done, count=DRAWN, seed=SEED)
            half_done.rename(drawn)
        return drawn
    for name in CLASSES:
        if not (data / name).is_dir():
            raise SandboxError(
                f"DATA={data}: there is no folder {name}; it must have one for each of {', '.join(CLASSES)}"
            )
        if (found := len(_pictures(data / name))) < 2 * HELD_BACK:
            raise SandboxError(f"DATA={data}: {name} has {found} photos; at least {2 * HELD_BACK} are needed")
    return data


def _digest(source: Path) -> str:
    digest = hashlib.sha256()
    for name in CLASSES:
        for picture in _pictures(source / name):
            digest.update(f"{name}/{picture.name}\0{picture.stat().st_size}\0".encode())
            digest.update(picture.read_bytes())
    return digest.hexdigest()


def _split(source: Path, folder: Path) -> None:
    """Copy each class to `folder`/data, but for the photos held back, which go to `folder`/held-back."""
    for name in CLASSES:
        pictures = _pictures(source / name)
        # The draw goes by the photos' names alone, so that the same folder always holds the same ones back.
        held_back = set(random.Random(f"{SEED} {name}").sample(pictures, HELD_BACK))  # noqa: S311 - not a secret
        for picture in pictures:
            target = folder / ("held-back" if picture in held_back else "data") / name
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(picture, target / picture.name)


def _write_assets(folder: Path, version: str) -> None:
    for name in CLASSES:
        asset = {
            "$schema": "https://azuremlschemas.azureedge.net/latest/data.schema.json",
            "name": name,
            "version": version,
            "type": "uri_folder",
            "path": name,
            "description": f"Photos of {name}.",
        }
        (folder / "data" / f"{name}.yaml").write_text(yaml.safe_dump(asset, sort_keys=False))


def prepare(folder: Path, data: Path | None) -> Photos:
    """Lay the photos out in `folder`: data assets of the three classes, and photos held back.

    The version of the assets changes with their content only, and grows with time, so that `@latest` is always what
    was given last. Raises SandboxError if `data` has not the class folders that the pipeline reads.
    """
    source = _source(data, folder / "drawn")
    digest = _digest(source)
    stamp = folder / "photos.json"
    known = json.loads(stamp.read_text()) if stamp.exists() else {}
    if known.get("digest") != digest:
        for old in ("data", "held-back"):
            shutil.rmtree(folder / old, ignore_errors=True)
        known = {"digest": digest, "version": f"{time.strftime('%Y%m%d%H%M%S', time.gmtime())}-{digest[:8]}"}
        _split(source, folder)
        _write_assets(folder, known["version"])
        stamp.write_text(json.dumps(known))
    held_back = {name: _pictures(folder / "held-back" / name) for name in CLASSES}
    return Photos(assets=folder / "data", version=known["version"], held_back=held_back)

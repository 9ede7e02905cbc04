"""What a Dockerfile has been read to so far: its files, variables, and what it installs for Python."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from . import dockerfile
from .definition import UnusableEnvironment


def not_understood(step: str) -> UnusableEnvironment:
    """The error for a step that cannot be followed here."""
    whole = " ".join(step.split())
    return UnusableEnvironment(f"its Dockerfile can only be built by Docker, since of this step: {whole[:200]}")


@dataclass
class Recipe:
    """`context` is the folder of the build context, `own` a user's additions to the table of conda packages.

    `copied` are files and folders of the context by their places in the image, `work` is the working folder there,
    `variables` are what `$name` is replaced by, `environment` those of them that a program in the image has.
    """

    context: Path
    own: Mapping[str, str]
    work: str = "/"
    variables: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    copied: list[tuple[str, Path]] = field(default_factory=list)
    python: str | None = None
    lines: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def place(self, path: str) -> str:
        """The absolute path in the image of one that may be relative."""
        return posixpath.normpath(posixpath.join(self.work, path))

    def expand(self, text: str) -> str:
        """The text with its variables replaced."""
        return dockerfile.expand(text, self.variables)

    def copy(self, sources: list[str], target: str) -> None:
        """Note what comes from the context. Raises UnusableEnvironment for what is not in it."""
        is_folder = target.endswith("/") or target in {".", ".."} or len(sources) > 1
        place = self.place(target)
        for found in (one for source in sources for one in self._in_context(source)):
            if found.is_dir() or not is_folder:
                self.copied.append((place, found))
            if found.is_file():
                # Whether the target is a folder by then is not known: the file may be at either place.
                self.copied.append((posixpath.join(place, found.name), found))

    def _in_context(self, source: str) -> list[Path]:
        plain = source.lstrip("/")
        is_pattern = bool(set("*?[") & set(plain))
        found = sorted(self.context.glob(plain)) if is_pattern else [self.context / plain]
        inside = [one.resolve() for one in found if one.exists()]
        if not inside and not is_pattern:
            raise UnusableEnvironment(f"its Dockerfile copies {source}, which is not in the build context")
        if not all(one.is_relative_to(self.context) for one in inside):
            raise UnusableEnvironment(f"its Dockerfile copies {source}, which is outside of the build context")
        return inside

    def file(self, name: str, step: str) -> str:
        """The text of a file of the image that came from the context. Raises UnusableEnvironment if it did not."""
        place = self.place(name)
        for copied, source in reversed(self.copied):
            below = posixpath.relpath(place, copied)
            found = source if below == "." else (source / below).resolve()
            if not below.startswith("..") and found.is_file() and found.is_relative_to(self.context):
                return found.read_text(encoding="utf-8", errors="replace")
        raise not_understood(f"{step} ({name} is not from the build context)")

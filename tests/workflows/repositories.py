"""Repositories for act to run."""

from __future__ import annotations

import subprocess
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

MakeRepository = Callable[[str, Mapping[str, str]], Path]


def git(repository: Path, *arguments: str) -> str:
    """What git prints, with an author who is nobody in particular."""
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    command = ["git", "-C", str(repository), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def make(folder: Path, files: Mapping[str, str]) -> Path:
    """Make a repository in `folder` with those files (path to text), all of them committed."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(textwrap.dedent(text))
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=Begin")
    return folder

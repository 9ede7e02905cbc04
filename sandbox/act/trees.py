"""Copies of a repository as a commit of it would be: what git ignores stays behind."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def export(repository: Path, target: Path) -> None:
    """Copy the files of the working tree, uncommitted ones too, without ignored ones and without `.git`."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=repository,
        check=True,
        capture_output=True,
    ).stdout.decode()
    for name in filter(None, listing.split("\0")):
        source = repository / name
        if source.is_symlink() or source.is_file():  # a file that is deleted but not yet from the index is neither
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)

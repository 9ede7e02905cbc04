"""Where the sandbox keeps things: what runs now, and what was built once for this machine."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout that this file belongs to."""


def state() -> Path:
    """The folder of what runs now (ids, logs, data). One for the whole machine, as there is one cluster on it."""
    return Path(os.environ.get("SANDBOX_STATE", "/var/tmp/mlops-sandbox"))  # noqa: S108 - root's own, mode 0700


def cache() -> Path:
    """The folder of what is built once and kept: binaries, base images."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "mlops-actions"

"""Placeholder until SWEEP lands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import not_implemented


@dataclass(frozen=True)
class Sweep:
    """A sweep."""

    space: Mapping[str, object]


def read(spec: Mapping[str, Any], where: str) -> Sweep:
    """Refuse."""
    raise not_implemented(f"a sweep ({where}, {len(spec)})")

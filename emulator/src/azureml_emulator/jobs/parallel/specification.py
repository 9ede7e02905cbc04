"""Placeholder until PARALLEL lands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import not_implemented


@dataclass(frozen=True)
class ParallelWork:
    """A parallel task."""

    code: str | None = None
    environment: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


def read(spec: Mapping[str, Any], where: str) -> ParallelWork:
    """Refuse."""
    raise not_implemented(f"a parallel component ({where}, {len(spec)})")

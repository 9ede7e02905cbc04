"""The checks of shapes, by the name that jobs know them by."""

from __future__ import annotations

from ..shapes import mapping, mappings, strings, text

__all__ = ["mapping", "mappings", "strings", "text"]

"""What goes wrong with requests, and with the connections to the storage, all the time."""

from __future__ import annotations

from typing import Any

_PART = 0.05
_REQUESTS: dict[str, dict[str, Any]] = {
    "throttled": {"fault": "status", "status": 429, "retry_after": 1},
    "unavailable": {"fault": "status", "status": 503},
    "broken": {"fault": "reset"},
    "stalled": {"fault": "slow", "seconds": 2},
}
_STORAGE: dict[str, dict[str, Any]] = {
    "storage stalled": {"fault": "slow", "seconds": 2},
    "storage refused": {"fault": "refuse"},
    "storage broken": {"fault": "reset", "after_bytes": 2000},
}

TUNNELS = ("stalled", "refused", "broken after 2000 bytes")

FAULTS: dict[str, dict[str, Any]] = {
    **{name: {**fault, "route": "/**", "probability": _PART} for name, fault in _REQUESTS.items()},
    **{name: {**fault, "tunnel": "*.blob.core.windows.net", "probability": _PART} for name, fault in _STORAGE.items()},
}
"""The faults by their names."""

"""What every resource module is given: the emulator's settings, store, blobs and long-running operations."""

from __future__ import annotations

from dataclasses import dataclass

from .blobs import Blobs
from .operations import Operations
from .settings import Settings
from .store import Store


@dataclass(frozen=True)
class Context:
    """One running emulator."""

    settings: Settings
    store: Store
    blobs: Blobs
    operations: Operations

    @property
    def workspace_id(self) -> str:
        """The workspace's ARM id, which begins the id of everything in it."""
        return self.settings.workspace_id

"""What every resource module is given: settings, store, blobs, long-running operations, armed faults, the catalogue."""

from __future__ import annotations

from dataclasses import dataclass, field

from .blobs import Blobs
from .curated.catalogue import Catalogue
from .faults.armory import Armory
from .faults.connections import Connections
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
    faults: Armory
    connections: Connections = field(default_factory=Connections)
    catalogue: Catalogue = field(default_factory=Catalogue)

    @property
    def workspace_id(self) -> str:
        """The workspace's ARM id, which begins the id of everything in it."""
        return self.settings.workspace_id

"""How the SDK uploads here: on the network that all clients share, and whatever a former upload has left behind.

The SDK's own client for the storage has three faults that a killed step, a lost connection or a second workflow bring
out (azure-ai-ml 1.35):

- of a folder that was uploaded in part it takes up the upload only if its very first file is there; otherwise each file
  that is there already is an error (BlobAlreadyExists), now and whenever that content is uploaded again;
- without a progress bar it ignores that a file was not uploaded, and waits for it for ever (`ml_client` asks for one);
- its requests are sent again after 15 seconds at the earliest, and no log says why.
"""

from __future__ import annotations

import os
import sys
from typing import Any


def hide_progress() -> None:
    """Let the SDK's progress bars be seen on a terminal alone, as in a log they are many lines.

    To be called before the SDK is imported, which looks at this once.
    """
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")


def mend() -> None:
    """Put a client for blobs into the SDK that has none of these faults. It may be called any number of times."""
    from azure.ai.ml._utils import _storage_utils  # noqa: PLC0415 - slow to import

    found: dict[str, Any] = vars(_storage_utils)
    if found["BlobStorageClient"].__module__ != __name__:
        found["BlobStorageClient"] = _mended(found["BlobStorageClient"])


def _mended(theirs: Any) -> Any:
    from azure.storage.blob import BlobServiceClient, ContainerClient  # noqa: PLC0415 - slow to import

    from mlops_actions import network  # noqa: PLC0415

    # The SDK knows its clients by their names.
    class BlobStorageClient(theirs):  # type: ignore[misc]
        def __init__(self, credential: Any, account_url: str, container_name: str | None = None) -> None:
            super().__init__(credential, account_url, container_name)
            options = network.storage_options()
            self.service_client = BlobServiceClient(account_url, credential, **options)
            self.container_client = (
                self.service_client.get_container_client(container_name)
                if container_name
                else ContainerClient.from_container_url(account_url, **options)
            )

        def check_blob_exists(self) -> None:
            super().check_blob_exists()
            # Where uploads go is named after the hash of what is uploaded: what is there is the same, or half of it.
            self.overwrite = True

    return BlobStorageClient

"""Uploads: a container of its own for what a client is about to bring, and a SAS to fill it with."""

from __future__ import annotations

import uuid
from typing import Any

from ..context import Context


def new_container(context: Context, kind: str) -> str:
    """The name of a container that was just made; `kind` begins it. Blocks."""
    name = f"{kind}-{uuid.uuid4()}"
    context.blobs.container(name)
    return name


def begin(context: Context, kind: str) -> dict[str, Any]:
    """A new container, as the answer to `startPendingUpload`. Blocks."""
    name = new_container(context, kind)
    return {
        "pendingUploadId": str(uuid.uuid4()),
        "pendingUploadType": "TemporaryBlobReference",
        "blobReferenceForConsumption": reference(context, name),
    }


def reference(context: Context, container: str) -> dict[str, Any]:
    """How a client reaches all of a container: its URL, and one with a SAS."""
    url = f"{context.settings.blob_url}/{container}"
    return {
        "blobUri": url,
        "storageAccountArmId": storage_account_id(context),
        "credential": {"credentialType": "SAS", "sasUri": f"{url}?{context.blobs.container_sas(container)}"},
    }


def storage_account_id(context: Context) -> str:
    """The ARM id of the workspace's storage account."""
    group = context.workspace_id.split("/providers/")[0]
    return f"{group}/providers/Microsoft.Storage/storageAccounts/{context.settings.storage_account}"

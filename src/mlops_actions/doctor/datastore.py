"""Checks of the workspace's default datastore: its secret can be had, and something can be put there."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from mlops_actions import network
from mlops_actions.doctor.findings import Check, Finding, ok, wrong
from mlops_actions.doctor.surroundings import QUICK, Surroundings
from mlops_actions.doctor.workspace import grant
from mlops_actions.sdk_errors import reason

_CONTENT = b"mlops doctor was here, and forgot to delete this"
_FORBIDDEN = 403
_SUFFIX = "core.windows.net"
_WRITES = "Storage Blob Data Contributor"


def _datastore(surroundings: Surroundings) -> Finding:
    from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - slow to import

    try:
        found = [store for page in surroundings.rest.pages("datastores", {"isDefault": "true"}) for store in page]
    except HttpResponseError as error:
        if error.status_code != _FORBIDDEN:
            raise
        return wrong(
            "no permission to list datastores (datastores/read)", grant(surroundings, "AzureML Data Scientist")
        )
    if not found:
        fix = "portal > the workspace in Studio > Data > Datastores: make workspaceblobstore the default one"
        return wrong("the workspace has no default datastore, and nothing can be uploaded", fix)
    surroundings.datastore = found[0]
    properties = found[0]["properties"]
    return ok(f"{found[0]['name']}: container {properties.get('containerName')} of {properties.get('accountName')}")


def _upload(surroundings: Surroundings) -> Finding:
    from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - slow to import
    from azure.storage.blob import BlobClient, LinearRetry  # noqa: PLC0415

    name, properties = surroundings.datastore["name"], surroundings.datastore["properties"]
    # Without credentials of its own it is opened with the caller's.
    has_secret = (properties.get("credentials") or {}).get("credentialsType") != "None"
    try:
        secrets = surroundings.rest.secrets(f"datastores/{name}/listSecrets") if has_secret else None
    except HttpResponseError as error:
        if error.status_code != _FORBIDDEN:
            raise
        fix = grant(surroundings, "AzureML Data Scientist")
        return wrong(f"no permission for the secret of {name} (datastores/listsecrets/action)", fix)
    account = f"https://{properties['accountName']}.blob.{properties.get('endpoint') or _SUFFIX}"
    blob = f"mlops-doctor/{uuid.uuid4()}"
    policy = LinearRetry(backoff=1, retry_total=QUICK["retry_total"])
    secret, how = secret_of(secrets or {})
    with BlobClient(
        account,
        str(properties["containerName"]),
        blob,
        credential=secret or surroundings.credential,
        transport=network.transport(),
        retry_policy=policy,
    ) as client:
        try:
            client.upload_blob(_CONTENT)
            client.delete_blob()
        except HttpResponseError as error:
            if error.status_code != _FORBIDDEN:
                raise
            return wrong(f"{account} refuses an upload {how}: {reason(error)}", _remedy(surroundings, properties, how))
    return ok(f"a blob was written {how}, and deleted")


def secret_of(secrets: Mapping[str, Any]) -> tuple[str | None, str]:
    """What opens the container, and what that is called."""
    if token := secrets.get("sasToken"):
        return str(token), "by SAS"
    if key := secrets.get("key"):
        return str(key), "by the account's key"
    return None, "as the one who is signed in"


def _remedy(surroundings: Surroundings, properties: Mapping[str, Any], how: str) -> str:
    if how.startswith("as"):
        return grant(surroundings, _WRITES).replace(
            surroundings.workspace.path,
            f"$(az storage account show -n {properties['accountName']} --query id -o tsv)",
        )
    account = properties["accountName"]
    return (
        f"portal > storage account {account} > Networking (is this machine let in?), "
        f"> Configuration (are keys allowed?); "
        f"keys that were renewed: az ml workspace sync-keys --name {surroundings.place[2]}"
    )


CHECKS = (
    Check("datastore", "datastore", _datastore, needs=("workspace",)),
    Check(
        "upload",
        "datastore",
        _upload,
        needs=("datastore",),
        remedy="the storage account's host is to be reachable: see its Networking in the portal, and the proxy here",
    ),
)

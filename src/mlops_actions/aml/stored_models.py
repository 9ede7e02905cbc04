"""A model version as the workspace holds it, without the SDK: which it is, and which blobs it is made of at present."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mlops_actions import github
from mlops_actions.errors import ActionError
from mlops_actions.sdk_errors import reason

if TYPE_CHECKING:
    from mlops_actions.azure import Rest, Workspace

LATEST = "latest"
_IN_A_DATASTORE = re.compile(r"azureml://(?:.+/)?datastores/(?P<datastore>[^/]+)/paths/(?P<path>.+)")
_BLOBS = "AzureBlob"
_ANONYMOUS = "None"


@dataclass(frozen=True)
class StoredModel:
    """A version of a model; `created` is when its number was given, which is anew if it was deleted before."""

    name: str
    version: str
    uri: str
    created: str
    tags: Mapping[str, str]


def look_up(workspace: Workspace, rest: Rest, name: str, version: str) -> StoredModel:
    """The version, or the one that was created last for `latest`. Raises ActionError if there is none."""
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

    versions = f"models/{quote(name, safe='')}/versions"
    try:
        if version == LATEST:
            newest = next(rest.pages(versions, {"$orderBy": "createdtime desc", "$top": "1"}), [])
            found = newest[0] if newest else None
        else:
            found = rest.get(f"{versions}/{quote(version, safe='')}")
    except AzureError as error:
        raise ActionError(f"model {name}:{version} cannot be found: {reason(error)}") from error
    if found is None:
        raise ActionError(f"model {name}:{version} does not exist in workspace {workspace.name}")
    properties = found["properties"]
    created = str((found.get("systemData") or {}).get("createdAt") or "")
    tags = {str(key): str(value) for key, value in (properties.get("tags") or {}).items()}
    return StoredModel(name, str(found["name"]), str(properties.get("modelUri") or ""), created, tags)


def fingerprint(workspace: Workspace, rest: Rest, model: StoredModel) -> str | None:
    """A digest that changes with the model's blobs, by their names, sizes and ETags; None if it has no such blobs.

    A model may lie in storage that is no blob datastore of the workspace's. Raises AzureError.
    """
    place = _IN_A_DATASTORE.fullmatch(model.uri)
    found = rest.get(f"datastores/{quote(place['datastore'], safe='')}") if place else None
    if place is None or found is None or found["properties"].get("datastoreType") != _BLOBS:
        return None
    blobs = _listed(workspace, rest, place["datastore"], found["properties"], place["path"])
    if not blobs:
        return None
    lines = "\n".join([workspace.path, model.name, model.version, model.uri, model.created, *blobs])
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def _listed(workspace: Workspace, rest: Rest, datastore: str, properties: Mapping[str, Any], prefix: str) -> list[str]:
    from azure.storage.blob import ContainerClient  # noqa: PLC0415 - slow to import

    from mlops_actions import network  # noqa: PLC0415

    account = f"{properties.get('protocol') or 'https'}://{properties['accountName']}.blob.{properties['endpoint']}"
    credential: Any = workspace.credential
    if (properties.get("credentials") or {}).get("credentialsType", _ANONYMOUS) != _ANONYMOUS:
        secrets = rest.secrets(f"datastores/{quote(datastore, safe='')}/listSecrets") or {}
        credential = secrets.get("sasToken") or secrets.get("key")
        github.mask(str(credential or ""))
    container = str(properties["containerName"])
    with ContainerClient(account, container, credential, **network.storage_options()) as client:
        return sorted(f"{blob.name}\0{blob.size}\0{blob.etag}" for blob in client.list_blobs(name_starts_with=prefix))

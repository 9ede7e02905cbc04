"""Datastores: names for containers of blobs, with the secrets that open them.

https://learn.microsoft.com/rest/api/azureml/datastores
"""

from __future__ import annotations

import re
from typing import Any

from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import arm, paging
from .assets import json_object
from .blobs import DATASTORES
from .context import Context
from .errors import bad_request, not_found, not_implemented
from .routing import Operation
from .shapes import mapping, strings, text

KIND = "datastores"
SECRETS = "datastore secrets"
"""Kind under which secrets are stored: apart, so that no answer about a datastore can hold them."""

DEFAULT = "workspaceblobstore"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")
_CONTAINER = re.compile(r"\$root|\$logs|[a-z0-9](?:-?[a-z0-9]){2,62}")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_SECRET = {"AccountKey": "key", "Sas": "sasToken"}
"""The field that holds the secret, by the credentials' type."""


def create(context: Context) -> None:
    """Make the datastores that Azure makes with a workspace, unless they are there."""
    for name, container in DATASTORES.items():
        if find(context, name) is None:
            properties = {
                "accountName": context.settings.storage_account,
                "containerName": container,
                "credentials": {"credentialsType": "Sas"},
            }
            _store(context, name, {**_completed(properties), "isDefault": name == DEFAULT})


def find(context: Context, name: str) -> dict[str, Any] | None:
    """The datastore called `name`, or None."""
    return context.store.get(KIND, _path(context, name))


def _path(context: Context, name: str) -> str:
    return f"{context.workspace_id}/{KIND}/{name}"


def _get(context: Context, name: str) -> dict[str, Any]:
    datastore = find(context, name)
    if datastore is None:
        raise not_found(f"Datastore {name} not found in workspace {context.settings.workspace}.", "UserError")
    return datastore


def _completed(properties: dict[str, Any]) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "datastoreType": "AzureBlob",
        "endpoint": "core.windows.net",
        "protocol": "https",
        "serviceDataAccessAuthIdentity": "None",
        "properties": {},
        "tags": {},
        "description": None,
        "isDefault": False,
    }
    return defaults | {key: value for key, value in properties.items() if value is not None}


def _store(context: Context, name: str, properties: dict[str, Any]) -> dict[str, Any]:
    datastore = arm.resource(_path(context, name), KIND, properties, find(context, name))
    context.store.put(KIND, datastore["id"], datastore)
    return datastore


def _checked(name: str, given: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """A datastore's properties and its secret. Raises ServiceError (400, 501) for what it cannot be."""
    if not _NAME.fullmatch(name):
        raise bad_request(f"'{name}' is not a datastore name: letters, digits, '_' and '-', 255 at most", "UserError")
    if (kind := given.get("datastoreType")) != "AzureBlob":
        raise not_implemented(f"a datastore of type {kind} ({name})")
    account = text(given.get("accountName"), "properties.accountName") or ""
    container = text(given.get("containerName"), "properties.containerName") or ""
    if not _ACCOUNT.fullmatch(account):
        raise bad_request(f"datastore {name}: accountName '{account}' is no storage account's name", "UserError")
    if not _CONTAINER.fullmatch(container):
        raise bad_request(f"datastore {name}: containerName '{container}' is no container's name", "UserError")
    kept = {
        "accountName": account,
        "containerName": container,
        "endpoint": text(given.get("endpoint"), "properties.endpoint"),
        "protocol": text(given.get("protocol"), "properties.protocol"),
        "description": text(given.get("description"), "properties.description"),
        "tags": strings(given.get("tags"), "properties.tags"),
        "properties": strings(given.get("properties"), "properties.properties"),
    }
    credentials, secret = _credentials(name, mapping(given.get("credentials"), "properties.credentials"))
    return _completed({**kept, "credentials": credentials}), secret


def _credentials(name: str, given: Any) -> tuple[dict[str, str], str | None]:
    kind = text(given.get("credentialsType"), "properties.credentials.credentialsType") or "None"
    if kind == "None":
        return {"credentialsType": "None"}, None
    if kind not in _SECRET:
        raise not_implemented(f"a datastore with credentials of type {kind} ({name})")
    secrets = mapping(given.get("secrets"), "properties.credentials.secrets")
    secret = text(secrets.get(_SECRET[kind]), f"properties.credentials.secrets.{_SECRET[kind]}")
    if not secret:
        raise bad_request(f"datastore {name}: credentials of type {kind} need secrets.{_SECRET[kind]}", "UserError")
    return {"credentialsType": kind}, secret.removeprefix("?") if kind == "Sas" else secret


class _Datastores:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def list(self, request: Request) -> Response:
        query = request.query_params
        found = self._context.store.list(KIND, _path(self._context, ""))
        if query.get("isDefault", "").lower() == "true":
            found = [d for d in found if d["properties"]["isDefault"]]
        if names := query.getlist("names"):
            wanted = {one.strip().lower() for given in names for one in given.split(",")}
            found = [d for d in found if d["name"].lower() in wanted]
        return paging.paged(request, found)

    async def get(self, request: Request) -> Response:
        return JSONResponse(_get(self._context, request.path_params["name"]))

    async def put(self, request: Request) -> Response:
        name, body = request.path_params["name"], await json_object(request)
        properties, secret = _checked(name, dict(mapping(body.get("properties"), "properties")))
        known = find(self._context, name)
        if known is not None and known["name"] in DATASTORES:
            raise not_implemented(f"changing the workspace's own datastore {name}")
        with self._context.store.transaction():
            if secret is None:
                self._context.store.delete(SECRETS, _path(self._context, name))
            else:
                self._context.store.put(SECRETS, _path(self._context, name), {"secret": secret})
            stored = _store(self._context, name, properties)
        return JSONResponse(stored, status_code=200 if known else 201)

    async def delete(self, request: Request) -> Response:
        name = request.path_params["name"]
        known = find(self._context, name)
        if known is None:
            return Response(status_code=204)
        if known["name"] in DATASTORES:
            raise bad_request(f"datastore {name} belongs to the workspace itself and cannot be deleted", "UserError")
        with self._context.store.transaction():
            self._context.store.delete(SECRETS, known["id"])
            self._context.store.delete(KIND, known["id"])
        return Response(status_code=200)

    async def list_secrets(self, request: Request) -> Response:
        datastore = _get(self._context, request.path_params["name"])
        # The SDK's older versions send no body; newer ones ask for secrets that expire.
        expirable = bool(await request.body()) and (await json_object(request)).get("expirableSecret") is True
        return JSONResponse(await run_in_threadpool(_secrets, self._context, datastore, expirable=expirable))


def _secrets(context: Context, datastore: dict[str, Any], *, expirable: bool) -> dict[str, str]:
    name, properties = datastore["name"], datastore["properties"]
    if name in DATASTORES:
        return {"secretsType": "Sas", "sasToken": context.blobs.container_sas(properties["containerName"])}
    kept = context.store.get(SECRETS, datastore["id"])
    if kept is None:
        raise bad_request(f"datastore {name} has no credentials: it is opened with the caller's own", "UserError")
    secret, kind = kept["secret"], properties["credentials"]["credentialsType"]
    if kind == "AccountKey" and expirable:
        # So Azure does: who may use the datastore does not learn the account's key by that.
        return {"secretsType": "Sas", "sasToken": _sas(properties["accountName"], properties["containerName"], secret)}
    return {"secretsType": kind, _SECRET[kind]: secret}


def _sas(account: str, container: str, key: str) -> str:
    try:
        return generate_container_sas(
            account_name=account,
            container_name=container,
            account_key=key,
            permission=ContainerSasPermissions.from_string("racwdl"),
            expiry=arm.hours_from_now(1),
        )
    except ValueError as error:
        raise bad_request(f"the key of storage account {account} is not in Base64", "UserError") from error


def routes(context: Context) -> list[Route]:
    """List, get, create or replace and delete datastores, and the secrets of one."""
    datastores, base = _Datastores(context), f"{arm.WORKSPACE}/{KIND}"
    partial = "types other than AzureBlob; credentials of service principals and certificates; skipValidation=false"
    return [
        Operation(base, datastores.list, "Datastores_List", missing="searchText, orderBy"),
        Operation(f"{base}/{{name}}", datastores.get, "Datastores_Get"),
        Operation(f"{base}/{{name}}", datastores.put, "Datastores_CreateOrUpdate", methods=["PUT"], missing=partial),
        Operation(f"{base}/{{name}}", datastores.delete, "Datastores_Delete", methods=["DELETE"]),
        Operation(f"{base}/{{name}}/listSecrets", datastores.list_secrets, "Datastores_ListSecrets", methods=["POST"]),
    ]

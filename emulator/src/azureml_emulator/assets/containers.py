"""Containers of assets: what the versions of one name have above them, and what is said of them all together."""

from __future__ import annotations

from typing import Any

from .. import arm
from ..context import Context
from ..curated import versions as curated
from ..errors import not_found
from ..shapes import strings, text
from . import Scope, latest, next_version, versions

_ANONYMOUS = frozenset({"azureml_anonymous", "cliv2anonymousenvironment"})
"""Names under which the SDK puts what has none: Azure does not list them."""


def _kind(kind: str) -> str:
    return f"{kind} containers"


def _path(scope: Scope, kind: str, name: str) -> str:
    return f"{scope.root}/{kind}/{name}"


def is_archived(context: Context, kind: str, name: str, scope: Scope) -> bool:
    """Whether the container as a whole is archived, and all its versions with it."""
    said = context.store.get(_kind(kind), _path(scope, kind, name))
    return bool(said and said["properties"]["isArchived"])


def names(context: Context, kind: str, scope: Scope) -> list[str]:
    """The names of the containers, in lower case and in order."""
    start = f"{scope.root}/{kind}/"
    found = {key[len(start) :].split("/")[0] for key in context.store.keys(kind, start)}
    found |= {key[len(start) :] for key in context.store.keys(_kind(kind), start)}
    found |= {name.lower() for name in curated.names(context, kind, scope)}
    return sorted(found - _ANONYMOUS)


def get(context: Context, kind: str, name: str, scope: Scope) -> dict[str, Any]:
    """The container of a name's versions. Raises ServiceError (404) if there is none."""
    existing = versions(context, kind, name, scope)
    said = context.store.get(_kind(kind), _path(scope, kind, name))
    if not existing and said is None:
        raise not_found(f"{kind} container {name} not found in {scope.told}.", "UserError")
    newest = latest(existing) or next(iter(existing), None)
    properties: dict[str, Any] = {
        "latestVersion": newest and newest["name"],
        "nextVersion": next_version(existing),
        "isArchived": bool(existing) and all(v["properties"].get("isArchived") for v in existing),
        "description": None,
        "tags": {},
        "properties": {},
        "provisioningState": "Succeeded",
    }
    if kind == "data":
        properties["dataType"] = newest and newest["properties"].get("dataType")
    if said is not None:
        given = {key: value for key, value in said["properties"].items() if value is not None}
        properties |= given | {"isArchived": given["isArchived"] or properties["isArchived"]}
    called = existing[0]["id"].split("/")[-3] if existing else name
    resource = arm.resource(_path(scope, kind, called), kind, properties)
    resource["type"] = f"{arm.PROVIDER}/{scope.parent}/{kind}"
    return {**resource, "systemData": existing[-1]["systemData"] if existing else (said or {})["systemData"]}


def put(context: Context, kind: str, name: str, properties: dict[str, Any], scope: Scope) -> dict[str, Any]:
    """Say something of all versions of a name: archived or not, tags, a description. Raises ServiceError (400)."""
    path = _path(scope, kind, name)
    known = context.store.get(_kind(kind), path)
    said: dict[str, Any] = {
        "isArchived": bool(properties.get("isArchived")),
        "description": text(properties.get("description"), "properties.description"),
        "tags": strings(properties.get("tags"), "properties.tags"),
        "properties": strings(properties.get("properties"), "properties.properties"),
    }
    if kind == "data":
        said["dataType"] = text(properties.get("dataType"), "properties.dataType")
    with context.store.transaction():
        if not said["isArchived"]:
            _restore(context, kind, name, scope)
        context.store.put(_kind(kind), path, arm.resource(path, kind, said, known))
    return get(context, kind, name, scope)


def _restore(context: Context, kind: str, name: str, scope: Scope) -> None:
    """Bring all versions back if there is none that is not archived: so a restored container is seen again."""
    existing = versions(context, kind, name, scope)
    if existing and latest(existing) is None:
        for version in existing:
            context.store.update(kind, version["id"], lambda v: v["properties"].update(isArchived=False))


def delete(context: Context, kind: str, name: str, scope: Scope) -> bool:
    """Remove a container with all its versions; False if there was none."""
    with context.store.transaction():
        gone = context.store.delete(_kind(kind), _path(scope, kind, name))
        for version in versions(context, kind, name, scope):
            gone = context.store.delete(kind, version["id"]) or gone
    return gone


def data_type(context: Context, name: str, scope: Scope) -> str | None:
    """The type that all versions of a data asset have, or None if there is none yet."""
    existing = versions(context, "data", name, scope)
    if existing:
        return str(existing[-1]["properties"]["dataType"])
    said = context.store.get(_kind("data"), _path(scope, "data", name))
    return said["properties"].get("dataType") if said else None

"""Versioned assets: what environments, code, components, data and models have in common.

A version is stored under its id: in the workspace its ARM id, `…/workspaces/W/<kind>/<name>/versions/<version>`, in a
registry `azureml://registries/R/<kind>/<name>/versions/<version>`. The container that Azure shows above the versions
of a name is worked out from them (`latestVersion`, `nextVersion`); what is said of it itself is stored beside it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from .. import arm
from ..context import Context
from ..curated import versions as curated
from ..errors import ServiceError, not_found

LATEST = "latest"
DEFAULT_VERSION = "azureml_default"
"""The version by which the SDK asks for a component without naming one."""

_REFERENCE = re.compile(
    r"(?:azureml:)?(?:"
    r"//registries/(?P<registry>[^/]+)/|//locations/[^/]+/workspaces/[^/]+/|/subscriptions/.+?/workspaces/[^/]+/"
    r")(?P<kind>\w+)/(?P<name>[^/]+)/(?P<by>versions|labels)/(?P<version>[^/]+)"
)
_SHORT = re.compile(r"(?:azureml:)?(?P<name>[^/:@]+)(?::(?P<version>[^/:@]+)|@(?P<label>[^/:@]+))")


@dataclass(frozen=True)
class Scope:
    """Where assets are: `root` begins their ids, `told` is what a person calls it."""

    root: str
    told: str
    parent: str

    def version_id(self, kind: str, name: str, version: str) -> str:
        """The id of a version."""
        return f"{self.root}/{kind}/{name}/versions/{version}"


def workspace(context: Context) -> Scope:
    """The emulator's workspace."""
    return Scope(context.workspace_id, f"workspace {context.settings.workspace}", "workspaces")


def registry(name: str) -> Scope:
    """The registry of this name, whether there is one or not."""
    return Scope(f"azureml://registries/{name}", f"registry {name}", "registries")


def versions(context: Context, kind: str, name: str, scope: Scope | None = None) -> list[dict[str, Any]]:
    """All versions of a name, newest first."""
    scope = scope or workspace(context)
    stored = context.store.list(kind, f"{scope.root}/{kind}/{name}/versions/")[::-1]
    brought = curated.find(context, kind, name, None, scope)
    return stored if brought is None else [*stored, brought]


def next_version(existing: Iterable[dict[str, Any]]) -> str:
    """The version that an asset without one gets: one more than the highest number."""
    numbers = [int(v["name"]) for v in existing if v["name"].isdecimal()]
    return str(max(numbers, default=0) + 1)


def version_id(context: Context, kind: str, name: str, version: str) -> str:
    """The ARM id of a version in the workspace."""
    return workspace(context).version_id(kind, name, version)


def put(
    context: Context, kind: str, name: str, version: str, properties: dict[str, Any], *, scope: Scope | None = None
) -> dict[str, Any]:
    """Store a version (all checks done) and return it in its envelope."""
    scope = scope or workspace(context)
    path = scope.version_id(kind, name, version)
    known = context.store.get(kind, path)
    complete = {
        "isAnonymous": False,
        "isArchived": False,
        "tags": {},
        "properties": {},
        "description": None,
        **properties,
    }
    complete["provisioningState"] = "Succeeded"
    resource = arm.resource(path, f"{kind}/versions", complete, known)
    resource["type"] = f"{arm.PROVIDER}/{scope.parent}/{kind}/versions"
    context.store.put(kind, path, resource)
    return resource


def latest(existing: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The one that the label `latest` stands for: the newest that is not archived. `existing` is newest first."""
    return next((v for v in existing if not v["properties"].get("isArchived")), None)


def resolve(context: Context, kind: str, name: str, version: str, scope: Scope | None = None) -> dict[str, Any]:
    """A version, or by the label `latest` the newest. Raises ServiceError (404) if there is none."""
    scope = scope or workspace(context)
    if version in {LATEST, DEFAULT_VERSION}:
        existing = versions(context, kind, name, scope)
        if found := latest(existing) or next(iter(existing), None):
            return found
    else:
        stored = context.store.get(kind, scope.version_id(kind, name, version))
        if found := stored or curated.find(context, kind, name, version, scope):
            return found
    raise missing(kind, name, version, scope)


def find(context: Context, kind: str, reference: str) -> dict[str, Any]:
    """The version that a reference names. Raises ServiceError (404) if there is none.

    A reference is an ARM id, an asset id of the workspace (`azureml://locations/…`), a registry's
    `azureml://registries/R/<kind>/<name>/versions/<version>` or `…/labels/latest`, or in short `name:version` or
    `name@latest`, with or without `azureml:` before it.
    """
    if match := _SHORT.fullmatch(reference):
        return resolve(context, kind, match["name"], _named(match["version"], match["label"], reference))
    match = _REFERENCE.fullmatch(reference)
    if match is None or match["kind"].lower() != kind.lower():
        raise not_found(f"{reference} is no reference to one of {kind}", "UserError")
    scope = registry(match["registry"]) if match["registry"] else workspace(context)
    own = context.workspace_id.lower()
    if "/subscriptions/" in reference and own not in reference.lower():
        raise not_found(f"{reference} is not in {scope.told}", "UserError")
    by_version = match["by"] == "versions"
    version = match["version"] if by_version else _named(None, match["version"], reference)
    return resolve(context, kind, match["name"], version, scope)


def _named(version: str | None, label: str | None, reference: str) -> str:
    if version is None and label != LATEST:
        raise not_found(
            f"{reference}: there is no label {label}; the one that all assets have is {LATEST}", "UserError"
        )
    return version or LATEST


def missing(kind: str, name: str, version: str, scope: Scope) -> ServiceError:
    """404 for a version that is not there."""
    return not_found(f"{kind} {name}:{version} not found in {scope.told}.", "UserError")


async def json_object(request: Request) -> dict[str, Any]:
    """The request's body as a JSON object. Raises ServiceError (400) for anything else."""
    raw = await request.body()
    try:
        body = json.loads(raw, parse_constant=_not_json, parse_float=_finite)
        if b"\\u" in raw:
            json.dumps(body, ensure_ascii=False).encode()  # Half of a surrogate pair is no text that could be stored.
    except (ValueError, RecursionError) as error:
        raise ServiceError(400, "InvalidRequestContent", f"the request body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ServiceError(400, "InvalidRequestContent", "the request body is not a JSON object")
    return body


def _not_json(constant: str) -> None:
    raise ValueError(f"{constant} is no number in JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is out of range")
    return number

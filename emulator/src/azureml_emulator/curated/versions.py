"""Curated environments as Azure shows them: in the registry `azureml`, and those named `AzureML-…` in any workspace.

Azure has many versions of each, which get security fixes. Here they are all the same, so that a listing shows one, and
any number is found that is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..arm import PROVIDER
from .catalogue import Curated

if TYPE_CHECKING:
    from ..assets import Scope
    from ..context import Context

KIND = "environments"
_REGISTRY = "azureml://registries/azureml"
_LISTED = "1"
_MADE = "2024-01-01T00:00:00.000000Z"
_MOST_DIGITS = 6
PREFIXES = ("azureml-", "microsoft-")
"""What names are reserved for Azure's own environments."""


def _is_in(scope: Scope, name: str) -> bool:
    if scope.root.lower() == _REGISTRY:
        return True
    return scope.parent == "workspaces" and name.lower().startswith(PREFIXES)


def names(context: Context, kind: str, scope: Scope) -> list[str]:
    """The names of the curated environments that a listing of a kind in a scope shows; none for other kinds."""
    return [name for name in context.catalogue.names() if _is_in(scope, name)] if kind == KIND else []


def find(context: Context, kind: str, name: str, version: str | None, scope: Scope) -> dict[str, Any] | None:
    """A version of a curated environment (None: the one that a listing shows), or None if it is none."""
    if kind != KIND or not _is_in(scope, name):
        return None
    number = _LISTED if version is None else version
    if not (number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS):
        return None
    curated = context.catalogue.find(name)
    return None if curated is None else _resource(curated, number, scope)


def _resource(curated: Curated, version: str, scope: Scope) -> dict[str, Any]:
    by = {"createdBy": "Microsoft", "createdByType": "User", "createdAt": _MADE}
    modified = {"lastModifiedBy": "Microsoft", "lastModifiedByType": "User", "lastModifiedAt": _MADE}
    plain = curated.name.lower().removeprefix(PREFIXES[0])
    return {
        "id": scope.version_id(KIND, curated.name, version),
        "name": version,
        "type": f"{PROVIDER}/{scope.parent}/{KIND}/versions",
        "properties": {
            "environmentType": "Curated",
            "osType": "Linux",
            "image": f"mcr.microsoft.com/azureml/curated/{plain}:{version}",
            "description": f"{curated.about}. This emulator installs packages for CPUs instead of running the image.",
            "isAnonymous": False,
            "isArchived": False,
            "tags": {},
            "properties": {},
            "provisioningState": "Succeeded",
        },
        "systemData": {**by, **modified},
    }

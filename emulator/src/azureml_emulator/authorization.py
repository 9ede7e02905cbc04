"""What the emulator's application may do, by `role.yaml` in the state folder; without that file, everything.

    actions: ["*/read", "Microsoft.MachineLearningServices/workspaces/jobs/*"]
    notActions: ["Microsoft.MachineLearningServices/workspaces/computes/*/write"]

The file is read whenever it counts, so that a change needs no restart. Only ARM's requests are held against it, whose
operations follow from method and path:
https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import arm
from .context import Context
from .errors import ServiceError
from .routing import Operation
from .settings import Settings

FILE = "role.yaml"
_PATH = f"{arm.WORKSPACE}/providers/Microsoft.Authorization/permissions"
_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


@dataclass(frozen=True)
class Role:
    """Patterns of the operations that it has, and of those that it has not all the same."""

    actions: Sequence[str] = ("*",)
    not_actions: Sequence[str] = ()

    def has(self, operation: str) -> bool:
        """Whether it lets one do the operation."""
        return _matches(self.actions, operation) and not _matches(self.not_actions, operation)


def _matches(patterns: Sequence[str], operation: str) -> bool:
    # Azure's role AzureML Data Scientist keeps one from creating a compute (`computes/write`) by `computes/*/write`.
    as_regex = (re.escape(pattern).replace(r"/\*/", "/(?:.*/)?").replace(r"\*", ".*") for pattern in patterns)
    return any(re.fullmatch(regex, operation, re.IGNORECASE) for regex in as_regex)


def role(state: Path) -> Role:
    """The role of the emulator in this state folder. Raises ServiceError (500) if its file is no such file."""
    try:
        given = yaml.safe_load((state / FILE).read_text("utf-8"))
    except FileNotFoundError:
        return Role()
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _unusable(str(error)) from error
    if not isinstance(given, dict) or not given.keys() <= {"actions", "notActions"}:
        raise _unusable("it may have actions and notActions")
    lists = {name: given.get(name) or [] for name in ("actions", "notActions")}
    for name, patterns in lists.items():
        if not isinstance(patterns, list) or not all(isinstance(pattern, str) for pattern in patterns):
            raise _unusable(f"{name} is to be a list of patterns")
    return Role(lists["actions"], lists["notActions"])


def _unusable(why: str) -> ServiceError:
    return ServiceError(500, "InternalServerError", f"the emulator's {FILE} cannot be used: {' '.join(why.split())}")


def operation_of(method: str, path: str) -> str | None:
    """The operation that a request to ARM is, such as …/workspaces/jobs/cancel/action; None for another request."""
    _, found, after = path.partition(f"/providers/{arm.PROVIDER}/")
    # What comes from another provider at a workspace, as its permissions do, is that one's.
    if not found or not path.startswith("/subscriptions/") or "/providers/" in after:
        return None
    parts = after.strip("/").split("/")
    # Types and names take turns; a list ends with its type, and so does what is done to a resource.
    types = parts[::2]
    verb = _VERBS.get(method, "action")
    return "/".join([arm.PROVIDER, *types, verb])


def check(settings: Settings, method: str, path: str) -> None:
    """Raise ServiceError (403) for a request to ARM that the role does not have."""
    operation = operation_of(method, path)
    if operation is None or role(settings.state).has(operation):
        return
    who = settings.client_id
    raise ServiceError(
        403,
        "AuthorizationFailed",
        f"The client '{who}' with object id '{who}' does not have authorization to perform action '{operation}' over "
        f"scope '{path}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
    )


def routes(context: Context) -> list[Operation]:
    """The permissions that the caller has at the workspace."""

    async def permissions(_: Request) -> Response:
        mine = role(context.settings.state)
        granted = {"actions": list(mine.actions), "notActions": list(mine.not_actions)}
        return JSONResponse({"value": [{**granted, "dataActions": [], "notDataActions": []}]})

    return [Operation(_PATH, permissions, "Permissions_ListForResource", missing="resources other than the workspace")]

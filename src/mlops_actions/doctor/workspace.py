"""Checks of the subscription, the resource group and the workspace, and of what one may do there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mlops_actions import azure
from mlops_actions.azure import Rest
from mlops_actions.doctor.findings import Check, Finding, ok, skipped, warning, wrong
from mlops_actions.doctor.surroundings import Surroundings
from mlops_actions.errors import ActionError
from mlops_actions.sdk_errors import reason

_RESOURCES = {"api-version": "2021-04-01"}
_AUTHORIZATION = {"api-version": "2022-04-01"}
_FORBIDDEN, _BAD_REQUEST = 403, 400
_PROVIDER = "Microsoft.MachineLearningServices/workspaces"

# The operations of each action: https://learn.microsoft.com/azure/role-based-access-control/permissions/ai-machine-learning
NEEDED: Mapping[str, tuple[str, ...]] = {
    "ensure-compute": ("read", "computes/read", "computes/start/action", "computes/stop/action", "jobs/read"),
    "register-assets": (
        "environments/versions/write",
        "components/versions/write",
        "data/versions/write",
        "codes/versions/write",
        "datastores/read",
        "datastores/listsecrets/action",
    ),
    "run-aml-pipeline": ("jobs/read", "jobs/write", "jobs/cancel/action", "models/versions/write"),
    "gate-model": ("models/versions/read", "models/versions/write", "jobs/read"),
    "fetch-model": ("models/versions/read",),
}
TO_CREATE = ("computes/write", "computes/delete")
"""What only the creation of a compute, and its deletion, takes."""


def _subscription(surroundings: Surroundings) -> Finding:
    try:
        surroundings.place = azure.place(surroundings.sign_in, surroundings.service_principal)
    except ActionError as error:
        return wrong(str(error), "az ml workspace list -o table shows the names; in .env or the repository's variables")
    subscription = surroundings.place[0]
    found = _get(surroundings.rest, f"/subscriptions/{subscription}", _RESOURCES)
    if isinstance(found, Finding):
        # An assignment to the resource group alone lets one not see the subscription, and need not.
        return found
    if found is None:
        return wrong(f"subscription {subscription} does not exist, or not for this sign-in", _other_subscription())
    state = found.get("state")
    told = f"{found.get('displayName')} ({subscription}) is {state}"
    return ok(told) if state == "Enabled" else wrong(told, "portal.azure.com > Subscriptions: see what it is short of")


def _other_subscription() -> str:
    return "az account list -o table shows those there are; set AZURE_SUBSCRIPTION_ID, or sign in to its tenant"


def _resource_group(surroundings: Surroundings) -> Finding:
    subscription, group, _ = surroundings.place
    found = _get(surroundings.rest, f"/subscriptions/{subscription}/resourceGroups/{group}", _RESOURCES)
    if isinstance(found, Finding):
        return found
    if found is None:
        told = f"resource group {group} does not exist in {subscription}"
        return wrong(told, f"az group list --subscription {subscription} -o table; set AZURE_RESOURCE_GROUP")
    return ok(f"{group} in {found.get('location')}")


def _workspace(surroundings: Surroundings) -> Finding:
    from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - slow to import

    subscription, group, name = surroundings.place
    try:
        found = surroundings.rest.get("")
    except HttpResponseError as error:
        if error.status_code != _FORBIDDEN:
            raise
        return wrong(f"no permission to read {name} (workspaces/read)", grant(surroundings, "AzureML Data Scientist"))
    if found is None:
        told = f"workspace {name} does not exist in resource group {group}"
        return wrong(told, f"az ml workspace list --subscription {subscription} -o table; set AZURE_ML_WORKSPACE")
    properties = found["properties"]
    surroundings.location = str(found.get("location") or "")
    told = f"{name} in {surroundings.location} is {properties.get('provisioningState')}"
    if properties.get("provisioningState") not in (None, "Succeeded"):
        return wrong(told, f"az ml workspace diagnose --name {name} --resource-group {group}")
    if properties.get("publicNetworkAccess") == "Disabled":
        fix = f"if it does not answer below: run from its network, or portal > {name} > Networking"
        return warning(f"{told}, reachable from its own network alone", fix)
    return ok(told)


def _get(rest: Rest, path: str, query: Mapping[str, str]) -> dict[str, Any] | Finding | None:
    """The resource, None if there is none, and a finding if this sign-in may not read it."""
    from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - slow to import

    try:
        return rest.arm(path, query)
    except HttpResponseError as error:
        if error.status_code == _BAD_REQUEST:  # as of a subscription whose id is none
            return wrong(reason(error), _other_subscription())
        if error.status_code != _FORBIDDEN:
            raise
        return warning("no permission to read it, which only the doctor would do", "none, if the workspace is found")


def _permissions(surroundings: Surroundings) -> Finding:
    from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - slow to import

    path = f"{surroundings.workspace.path}/providers/Microsoft.Authorization/permissions"
    try:
        granted = surroundings.rest.arm_list(path, _AUTHORIZATION)
    except HttpResponseError as error:
        return skipped(f"they cannot be read: {reason(error)}")
    lacking = {action: short for action, needed in NEEDED.items() if (short := _lacking(granted, needed))}
    if lacking:
        told = "; ".join(f"{action} lacks {', '.join(short)}" for action, short in lacking.items())
        return wrong(told, grant(surroundings, "AzureML Data Scientist"))
    if short := _lacking(granted, TO_CREATE):
        told = f"all but {', '.join(short)}, with which ensure-compute creates and deletes a compute"
        return warning(told, grant(surroundings, "AzureML Compute Operator"))
    return ok(f"all that {', '.join(NEEDED)} do")


def grant(surroundings: Surroundings, role: str) -> str:
    """The command that gives whoever is signed in a role at the workspace."""
    who = surroundings.identity or "<client id>"
    return f'az role assignment create --assignee {who} --role "{role}" --scope {surroundings.workspace.path}'


def _lacking(granted: list[dict[str, Any]], needed: Iterable[str]) -> list[str]:
    return [operation for operation in needed if not allows(granted, f"{_PROVIDER}/{operation}")]


def allows(granted: Iterable[Mapping[str, Any]], operation: str) -> bool:
    """Whether one of the roles has the operation, and does not except it.

    https://learn.microsoft.com/azure/role-based-access-control/role-definitions#control-and-data-actions
    """
    return any(
        _matches(role.get("actions") or [], operation) and not _matches(role.get("notActions") or [], operation)
        for role in granted
    )


def _matches(patterns: Iterable[str], operation: str) -> bool:
    # The role AzureML Data Scientist excepts `computes/*/write`, so that it creates no compute (`computes/write`).
    as_regex = (re.escape(pattern).replace(r"/\*/", "/(?:.*/)?").replace(r"\*", ".*") for pattern in patterns)
    return any(re.fullmatch(regex, operation, re.IGNORECASE) for regex in as_regex)


CHECKS = (
    Check("subscription", "workspace", _subscription, needs=("token",)),
    Check("resource-group", "workspace", _resource_group, needs=("subscription",)),
    Check("workspace", "workspace", _workspace, needs=("resource-group",)),
    Check("permissions", "workspace", _permissions, needs=("workspace",)),
)

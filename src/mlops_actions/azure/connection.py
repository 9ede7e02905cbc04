"""The workspace that an action works in, and the SDK's client of it."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mlops_actions.azure import credentials as sign_in
from mlops_actions.azure import uploads
from mlops_actions.azure.credentials import SignIn
from mlops_actions.azure.rest import Rest, Workspace
from mlops_actions.errors import ActionError
from mlops_actions.resource_names import plain_name
from mlops_actions.sdk_errors import reason

if TYPE_CHECKING:
    from azure.ai.ml import MLClient


def workspace(given: SignIn) -> Workspace:
    """The workspace that the inputs, or else the environment, name: signed in to, and seen to exist.

    Raises ActionError naming the input and the variable that are missing, or what is wrong with the credentials.
    """
    uploads.hide_progress()
    principal = sign_in.service_principal(given)
    subscription, group, name = place(given, principal)
    found = Workspace(subscription, group, name, sign_in.signed_in(given, principal))
    _check_exists(found)
    return found


def place(given: SignIn, credentials: Mapping[str, str]) -> tuple[str, str, str]:
    """Subscription, resource group and name of the workspace that is meant. Raises ActionError for what is missing."""
    subscription = given.subscription_id or os.environ.get("AZURE_SUBSCRIPTION_ID") or credentials.get("subscriptionId")
    names = {
        "subscription-id": (subscription, "AZURE_SUBSCRIPTION_ID"),
        "resource-group": (given.resource_group or os.environ.get("AZURE_RESOURCE_GROUP"), "AZURE_RESOURCE_GROUP"),
        "workspace": (given.workspace or os.environ.get("AZURE_ML_WORKSPACE"), "AZURE_ML_WORKSPACE"),
    }
    for name, (value, variable) in names.items():
        if not value:
            raise ActionError(f"{name} is not given: set this input, or the environment variable {variable}")
    subscription, group, name = (plain_name(what, str(value)) for what, (value, _) in names.items())
    return subscription, group, name


def _check_exists(workspace: Workspace) -> None:
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - see the package's docstring

    where = f"{workspace.name} in resource group {workspace.resource_group} of {workspace.subscription_id}"
    try:
        exists = Rest(workspace).get("") is not None
    except AzureError as error:
        raise ActionError(f"workspace {where} cannot be used: {reason(error)}") from error
    if not exists:
        raise ActionError(f"workspace {where} does not exist")


def ml_client(workspace: Workspace) -> MLClient:
    """The SDK's client of the workspace."""
    from azure.ai.ml import MLClient  # noqa: PLC0415 - see the package's docstring

    from mlops_actions import network  # noqa: PLC0415

    uploads.mend()
    # The SDK logs what it also raises, and warns of its own experimental classes.
    logging.getLogger("azure.ai.ml").setLevel(logging.CRITICAL)
    return MLClient(
        workspace.credential,
        workspace.subscription_id,
        workspace.resource_group,
        workspace.name,
        enable_telemetry=False,
        show_progress=True,  # or an upload that fails is waited for; see `uploads`
        **network.options(),
    )

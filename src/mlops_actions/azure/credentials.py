"""Sign-in to Azure: by a service principal, by GitHub's OIDC, or as whoever signed in before."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_actions import github
from mlops_actions.azure.rest import SCOPE
from mlops_actions.errors import ActionError
from mlops_actions.sdk_errors import reason

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

_AUDIENCE = "api://AzureADTokenExchange"
_ID_TOKEN_REQUEST = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
_IS_SECRET = re.compile(r"secret|password|certificate|key|token", re.IGNORECASE)
_SECRET_VARIABLES = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD")
_CREDENTIAL_FIELDS = ("clientId", "clientSecret", "tenantId")


@dataclass(frozen=True)
class SignIn:
    """Where the workspace is, and one of the ways to sign in: inputs that every Azure action has.

    Attributes:
        subscription_id: Azure subscription; default is $AZURE_SUBSCRIPTION_ID
        resource_group: resource group of the workspace; default is $AZURE_RESOURCE_GROUP
        workspace: name of the Azure ML workspace; default is $AZURE_ML_WORKSPACE
        azure_credentials: service principal as JSON, as azure/login takes it; default is what signed in before
        client_id: application to sign in as with GitHub's OIDC token, instead of azure-credentials
        tenant_id: tenant of that application

    """

    subscription_id: str | None = None
    resource_group: str | None = None
    workspace: str | None = None
    azure_credentials: str | None = None
    client_id: str | None = None
    tenant_id: str | None = None


AS_THE_ENVIRONMENT_SAYS = SignIn()


def service_principal(given: SignIn) -> dict[str, str]:
    """The service principal that is given, or that $AZURE_CREDENTIALS has; empty if neither is. Raises ActionError."""
    text = given.azure_credentials
    if not (text or given.client_id or given.tenant_id):
        text = os.environ.get("AZURE_CREDENTIALS")
    return _parse(text) if text and text.strip() else {}


def _parse(text: str) -> dict[str, str]:
    try:
        parsed = json.loads(text)
    except ValueError as error:
        github.mask(text)
        raise ActionError(f"azure-credentials is not JSON ({error}): it is what azure/login takes as creds") from None
    if not isinstance(parsed, dict):
        raise ActionError("azure-credentials is not a JSON object: it is what azure/login takes as creds")
    for name, value in parsed.items():
        if _IS_SECRET.search(name) and value:
            github.mask(str(value))
    if missing := [name for name in _CREDENTIAL_FIELDS if not parsed.get(name)]:
        raise ActionError(f"azure-credentials has no {', '.join(missing)}: it is what azure/login takes as creds")
    return {name: str(value) for name, value in parsed.items()}


def signed_in(given: SignIn, credentials: Mapping[str, str], **options: Any) -> TokenCredential:
    """A credential that has been tried: what is wrong with it is better said now than in the middle of the work.

    `options` are keywords for its client, instead of those of `network`. Raises ActionError if Azure gives no token.
    """
    from azure.core.exceptions import AzureError, ClientAuthenticationError  # noqa: PLC0415 - slow to import

    try:
        tried = credential(given, credentials, options)
        tried.get_token(SCOPE)
    except ClientAuthenticationError as error:
        # Azure's own answer, out of all that the SDK says around it.
        if refusal := re.search(r"AADSTS\d+:[^\r\n]*", str(error)):
            raise ActionError(f"Azure refused the sign-in: {refusal[0].strip()}") from error
        if credentials or given.client_id:
            raise ActionError(f"signing in to Azure failed: {reason(error)}") from error
        raise ActionError(
            "not signed in to Azure: give azure-credentials, or client-id and tenant-id to sign in by OIDC, "
            "or sign in before (azure/login, az login)"
        ) from error
    except (AzureError, ValueError) as error:
        raise ActionError(f"signing in to Azure failed: {reason(error)}") from error
    return tried


def credential(given: SignIn, credentials: Mapping[str, str], options: Mapping[str, Any]) -> TokenCredential:
    """The credential that the inputs ask for, not tried yet. Raises ActionError for inputs that do not go together."""
    from azure import identity  # noqa: PLC0415 - see the package's docstring

    from mlops_actions import network  # noqa: PLC0415

    logging.getLogger("azure.identity").setLevel(logging.ERROR)
    options = {**network.options(), **options}
    if credentials:
        secret = credentials["clientSecret"]
        return identity.ClientSecretCredential(credentials["tenantId"], credentials["clientId"], secret, **options)
    if given.client_id or given.tenant_id:
        if not (given.client_id and given.tenant_id):
            raise ActionError("client-id and tenant-id belong together: one of them is not given")
        if not all(os.environ.get(variable) for variable in _ID_TOKEN_REQUEST):
            raise ActionError("GitHub offers this job no ID token: give the job `permissions: id-token: write`")
        return identity.ClientAssertionCredential(given.tenant_id, given.client_id, github_id_token, **options)
    for variable in _SECRET_VARIABLES:
        github.mask(os.environ.get(variable, ""))
    # The managed identity's part of it has retries of its own, which are not to be overridden.
    return identity.DefaultAzureCredential(
        exclude_interactive_browser_credential=True, process_timeout=30, transport=network.transport()
    )


def github_id_token() -> str:
    """A new OIDC token of this job from GitHub: it lives five minutes, so each sign-in asks for its own.

    https://docs.github.com/actions/reference/security/oidc
    """
    from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415 - see the package's docstring
    from azure.core.pipeline import Pipeline  # noqa: PLC0415 - see the package's docstring
    from azure.core.pipeline.policies import RetryPolicy  # noqa: PLC0415
    from azure.core.rest import HttpRequest  # noqa: PLC0415

    from mlops_actions import network  # noqa: PLC0415

    url, bearer = (os.environ[variable] for variable in _ID_TOKEN_REQUEST)
    request = HttpRequest("GET", f"{url}&audience={_AUDIENCE}", headers={"Authorization": f"bearer {bearer}"})
    pipeline = Pipeline(network.transport(), [RetryPolicy(**network.retries())])
    response = pipeline.run(request).http_response
    if response.status_code != 200:  # noqa: PLR2004
        raise ClientAuthenticationError(f"GitHub gave no ID token: it answered {response.status_code}")
    token = str(json.loads(response.text())["value"])
    github.mask(token)
    return token

"""Sign-in to Azure and the clients of a workspace.

`azure.ai.ml` takes over a second to import, so it is imported inside the functions that need it; states are read with
azure-core alone, whose pipeline brings tokens and their renewal. All clients retry as `network` says.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_actions import github
from mlops_actions.errors import ActionError
from mlops_actions.resource_names import plain_name
from mlops_actions.sdk_errors import reason

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.core.credentials import TokenCredential

ARM = "https://management.azure.com"
SCOPE = f"{ARM}/.default"
API_VERSION = "2024-10-01"
_AUDIENCE = "api://AzureADTokenExchange"
_ID_TOKEN_REQUEST = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
_IS_SECRET = re.compile(r"secret|password|certificate|key|token", re.IGNORECASE)
_SECRET_VARIABLES = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD")
_CREDENTIAL_FIELDS = ("clientId", "clientSecret", "tenantId")


@dataclass(frozen=True)
class Workspace:
    """An Azure ML workspace, and how to sign in to it."""

    subscription_id: str
    resource_group: str
    name: str
    credential: TokenCredential

    @property
    def path(self) -> str:
        """The workspace's ARM id."""
        group = f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
        return f"{group}/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"


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


def workspace(given: SignIn) -> Workspace:
    """The workspace that the inputs, or else the environment, name: signed in to, and seen to exist.

    Raises ActionError naming the input and the variable that are missing, or what is wrong with the credentials.
    """
    credentials = service_principal(given)
    subscription, group, name = place(given, credentials)
    found = Workspace(subscription, group, name, signed_in(given, credentials))
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
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - see the module's docstring

    where = f"{workspace.name} in resource group {workspace.resource_group} of {workspace.subscription_id}"
    try:
        exists = Rest(workspace).get("") is not None
    except AzureError as error:
        raise ActionError(f"workspace {where} cannot be used: {reason(error)}") from error
    if not exists:
        raise ActionError(f"workspace {where} does not exist")


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
        credential = _credential(given, credentials, options)
        credential.get_token(SCOPE)
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
    return credential


def _credential(given: SignIn, credentials: Mapping[str, str], options: Mapping[str, Any]) -> TokenCredential:
    from azure import identity  # noqa: PLC0415 - see the module's docstring

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
    from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415 - see the module's docstring
    from azure.core.pipeline import Pipeline  # noqa: PLC0415 - see the module's docstring
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


class Rest:
    """Azure ML's REST API, for what takes one request: states, starts and stops, metrics.

    https://learn.microsoft.com/rest/api/azureml
    """

    def __init__(self, workspace: Workspace, **retries: Any) -> None:
        """`retries` are settings of azure-core's RetryPolicy, instead of those of `network`."""
        from azure.core import PipelineClient  # noqa: PLC0415 - see the module's docstring
        from azure.core.pipeline import policies  # noqa: PLC0415

        from mlops_actions import network  # noqa: PLC0415

        self._workspace = workspace
        self._client: PipelineClient[Any, Any] = PipelineClient(
            ARM,
            policies=[
                policies.HeadersPolicy(),
                policies.UserAgentPolicy("mlops-actions"),
                policies.RetryPolicy(**{**network.retries(), **retries}),
                policies.BearerTokenCredentialPolicy(workspace.credential, SCOPE),
            ],
            transport=network.transport(),
        )

    def get(self, path: str) -> dict[str, Any] | None:
        """The resource at `path` below the workspace; None if there is none. Raises HttpResponseError."""
        return self._send("GET", self._url(path), {"api-version": API_VERSION})

    def pages(self, path: str, query: Mapping[str, str] | None = None) -> Iterator[list[dict[str, Any]]]:
        """The resources in the list at `path` below the workspace, page by page. Raises HttpResponseError."""
        url, asked = self._url(path), {"api-version": API_VERSION, **(query or {})}
        while url:
            page = self._send("GET", url, asked) or {}
            yield list(page.get("value") or [])
            # The link has the whole query.
            url, asked = str(page.get("nextLink") or ""), {}

    def patch(self, path: str, body: Mapping[str, Any]) -> None:
        """Ask for a change of the resource at `path`, and do not wait for it. Raises HttpResponseError."""
        self._send("PATCH", self._url(path), {"api-version": API_VERSION}, body)

    def post(self, path: str, seconds: float | None = None) -> bool:
        """Ask for an operation on the resource at `path`, and do not wait for it; whether there is such a resource.

        With `seconds` no attempt is begun after that time, and none lasts longer. Raises HttpResponseError.
        """
        limits = ("timeout", "connection_timeout", "read_timeout")
        hurry: dict[str, Any] = dict.fromkeys(limits, seconds) if seconds else {}
        return self._send("POST", self._url(path), {"api-version": API_VERSION}, **hurry) is not None

    def secrets(self, path: str) -> dict[str, Any] | None:
        """What the resource at `path` answers when it is asked for its secrets. Raises HttpResponseError."""
        return self._send("POST", self._url(path), {"api-version": API_VERSION}, {})

    def arm(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any] | None:
        """The resource at `path` anywhere in ARM, which begins with a slash. Raises HttpResponseError."""
        return self._send("GET", f"{ARM}{path}", {"api-version": API_VERSION, **(query or {})})

    def delete(self, path: str) -> None:
        """Ask for the end of a compute and of what it stands for. Raises HttpResponseError."""
        query = {"api-version": API_VERSION, "underlyingResourceAction": "Delete"}
        self._send("DELETE", self._url(path), query)

    def api(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any] | None:
        """GET from the workspace's data plane; `{workspace}` in `path` stands for the workspace's ARM id."""
        return self._send("GET", self._data_plane_url(path), dict(query or {}))

    def ask(self, path: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """POST a question to the workspace's data plane; `{workspace}` in `path` stands for the workspace's ARM id."""
        return self._send("POST", self._data_plane_url(path), {}, body)

    def blob(self, url: str, begin: int = 0) -> bytes:
        """The content of a blob from byte `begin` on, by its SAS URL; nothing if it is not longer, or not there yet."""
        from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - see the module's docstring
        from azure.storage.blob import BlobClient, LinearRetry  # noqa: PLC0415

        from mlops_actions import network  # noqa: PLC0415

        # Storage has a retry policy of its own, which would wait for 15 seconds before it tries for the second time.
        policy = LinearRetry(backoff=1, random_jitter_range=1)
        with BlobClient.from_blob_url(url, transport=network.transport(), retry_policy=policy) as client:
            try:
                return client.download_blob(offset=begin).readall()
            except HttpResponseError as error:
                if error.status_code in (404, 416):
                    return b""
                raise

    def _url(self, path: str) -> str:
        if {".", ".."} & {*path.split("/")}:
            raise ActionError(f"'{path}' leads out of the workspace {self._workspace.name}")
        return f"{ARM}{self._workspace.path}/{path}".rstrip("/")

    def _data_plane_url(self, path: str) -> str:
        return self._data_plane() + path.replace("{workspace}", self._workspace.path)

    def _data_plane(self) -> str:
        if not hasattr(self, "_api_url"):
            found = self.get("") or {}
            names = self._send("GET", found["properties"]["discoveryUrl"], {})
            self._api_url: str = (names or {})["api"]
        return self._api_url

    def _send(
        self, method: str, url: str, query: dict[str, str], body: Mapping[str, Any] | None = None, **options: Any
    ) -> dict[str, Any] | None:
        from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - see the module's docstring
        from azure.core.rest import HttpRequest  # noqa: PLC0415

        response = self._client.send_request(HttpRequest(method, url, params=query, json=body), **options)
        if response.status_code == 404:  # noqa: PLR2004
            return None
        if response.status_code >= 400:  # noqa: PLR2004
            raise HttpResponseError(response=response)
        return dict(response.json()) if response.text() else {}


def ml_client(workspace: Workspace) -> MLClient:
    """The SDK's client of the workspace."""
    from azure.ai.ml import MLClient  # noqa: PLC0415 - see the module's docstring

    from mlops_actions import network  # noqa: PLC0415

    # The SDK logs what it also raises, and warns of its own experimental classes.
    logging.getLogger("azure.ai.ml").setLevel(logging.CRITICAL)
    return MLClient(
        workspace.credential,
        workspace.subscription_id,
        workspace.resource_group,
        workspace.name,
        enable_telemetry=False,
        show_progress=False,
        **network.options(),
    )

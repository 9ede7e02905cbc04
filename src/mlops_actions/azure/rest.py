"""A workspace, and Azure ML's REST API for what takes one request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_actions.errors import ActionError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

ARM = "https://management.azure.com"
SCOPE = f"{ARM}/.default"
API_VERSION = "2024-10-01"


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


class Rest:
    """Azure ML's REST API, for what takes one request: states, starts and stops, metrics.

    https://learn.microsoft.com/rest/api/azureml
    """

    def __init__(self, workspace: Workspace, **retries: Any) -> None:
        """`retries` are settings of azure-core's RetryPolicy, instead of those of `network`."""
        from azure.core import PipelineClient  # noqa: PLC0415 - see the package's docstring
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

    def arm_list(self, path: str, query: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """What the list at `path` anywhere in ARM has, from all of its pages. Raises HttpResponseError."""
        found: list[dict[str, Any]] = []
        page = self.arm(path, query)
        while page:
            found += page.get("value") or []
            page = self._send("GET", str(page["nextLink"]), {}) if page.get("nextLink") else None
        return found

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
        from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - see the package's docstring
        from azure.storage.blob import BlobClient  # noqa: PLC0415

        from mlops_actions import network  # noqa: PLC0415

        with BlobClient.from_blob_url(url, **network.storage_options()) as client:
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
        from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - see the package's docstring
        from azure.core.rest import HttpRequest  # noqa: PLC0415

        response = self._client.send_request(HttpRequest(method, url, params=query, json=body), **options)
        if response.status_code == 404:  # noqa: PLR2004
            return None
        if response.status_code >= 400:  # noqa: PLR2004
            raise HttpResponseError(response=response)
        return dict(response.json()) if response.text() else {}

"""Requests as the SDK makes them, but none of them made again: what was acknowledged is known for certain."""

from __future__ import annotations

import ssl
from collections.abc import Collection
from typing import Any
from urllib.parse import quote

import httpx

from azureml_emulator.settings import API_HOST, ARM_HOST, LOGIN_HOST, Settings

OK = (200, 201, 202, 204)
_SECONDS = 60
_STORAGE_VERSION = "2025-05-05"


class Interrupted(Exception):  # noqa: N818
    """The emulator went away before it answered: nobody knows what has become of the request."""


class WrongAnswer(Exception):  # noqa: N818
    """The emulator answered what it must not."""


class Api:
    """One running emulator, through its proxy and under Azure's names. Every call raises Interrupted, WrongAnswer."""

    def __init__(self, known: Settings) -> None:
        self._known = known
        self.workspace = known.workspace_id
        self._client = httpx.Client(
            proxy=f"http://127.0.0.1:{known.ports.proxy}",
            verify=ssl.create_default_context(cafile=known.certificates / "ca.pem"),
            trust_env=False,
            timeout=_SECONDS,
        )
        form = {
            "grant_type": "client_credentials",
            "client_id": known.client_id,
            "client_secret": known.client_secret,
            "scope": f"https://{ARM_HOST}/.default",
        }
        url = f"https://{LOGIN_HOST}/{known.tenant_id}/oauth2/v2.0/token"
        self._token = self._send("POST", url, OK, data=form).json()["access_token"]

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def arm(self, method: str, path: str, body: object = None, *, expected: Collection[int] = OK) -> Any:
        """A request below the workspace; the answer's JSON, None if it is not one of `OK`."""
        return self._json(method, f"https://{ARM_HOST}{self.workspace}/{path}", body, expected)

    def listed(self, path: str) -> list[Any]:
        """All that is in the list at `path` below the workspace, page after page."""
        url, found = f"https://{ARM_HOST}{self.workspace}/{path}", []
        while url:
            page = self._json("GET", url, None, OK)
            found += page["value"]
            url = page.get("nextLink")
        return found

    def data_plane(self, method: str, service: str, path: str, body: object = None) -> Any:
        """A request to a service of the data plane (history/v1.0, mlflow/v2.0 …) for the workspace."""
        return self._json(method, f"https://{API_HOST}/{service}{self.workspace}/{path}", body, OK)

    def status(self, path: str) -> int:
        """The status of a GET below the workspace: 200, or 404."""
        url = f"https://{ARM_HOST}{self.workspace}/{path}"
        return self._send("GET", url, (200, 404), headers={"Authorization": f"Bearer {self._token}"}).status_code

    def sas(self) -> str:
        """A token for all of the default datastore's container."""
        answer = self.arm("POST", "datastores/workspaceblobstore/listSecrets", {"expirableSecret": True})
        return str(answer["sasToken"])

    def put_blob(self, name: str, content: bytes, sas: str, *, block_bytes: int) -> None:
        """Upload a blob to the default datastore, in blocks if it is longer than one."""
        url = self._blob(name, sas)
        if len(content) <= block_bytes:
            self._storage("PUT", url, content, {"x-ms-blob-type": "BlockBlob"})
            return
        starts = range(0, len(content), block_bytes)
        for start in starts:
            block = content[start : start + block_bytes]
            self._storage("PUT", f"{url}&comp=block&blockid={_block(start)}", block, {})
        listed = "".join(f"<Latest>{_block(start)}</Latest>" for start in starts)
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'
        self._storage("PUT", f"{url}&comp=blocklist", body.encode(), {})

    def delete_blob(self, name: str, sas: str) -> None:
        """Remove a blob of the default datastore."""
        self._storage("DELETE", self._blob(name, sas), None, {})

    def get_blob(self, name: str, sas: str) -> bytes | None:
        """A blob of the default datastore, None if there is none."""
        answer = self._send("GET", self._blob(name, sas), (200, 404), headers={"x-ms-version": _STORAGE_VERSION})
        return answer.content if answer.is_success else None

    def read(self, url: str) -> bytes | None:
        """What is at a URL that needs no token, None if nothing is."""
        answer = self._send("GET", url, (200, 404))
        return answer.content if answer.is_success else None

    def _blob(self, name: str, sas: str) -> str:
        return f"{self._known.blob_url}/azureml-blobstore/{quote(name)}?{sas}"

    def _storage(self, method: str, url: str, content: bytes | None, headers: dict[str, str]) -> None:
        self._send(method, url, OK, content=content, headers={"x-ms-version": _STORAGE_VERSION, **headers})

    def _json(self, method: str, url: str, body: object, expected: Collection[int]) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = self._send(method, url, expected, json=body, headers=headers)
        return (answer.json() if answer.content else {}) if answer.status_code in OK else None

    def _send(self, method: str, url: str, expected: Collection[int], **given: Any) -> httpx.Response:
        try:
            answer = self._client.request(method, url, **given)
        except (httpx.TransportError, RuntimeError) as error:  # RuntimeError: the client was closed meanwhile.
            raise Interrupted(repr(error)) from error
        if answer.status_code not in expected:
            shown = url.partition("?")[0]
            raise WrongAnswer(f"{method} {shown} was answered {answer.status_code}: {answer.text[:500]}")
        return answer


def _block(start: int) -> str:
    """The id of the block that begins at this byte: base64 without padding, so that it needs no quoting."""
    return f"{start:012d}"

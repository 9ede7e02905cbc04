"""Requests that no SDK sends: straight to the emulator's API, with a good token."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from azureml_emulator import identity
from azureml_emulator.settings import ARM_HOST

from ..conftest import Emulator


@dataclass(frozen=True)
class Api:
    """The emulator's API, and the paths of its workspace."""

    http: httpx.Client
    workspace: str
    subscription: str
    group: str
    name: str

    def send(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Send a request to a path below the workspace, or to an absolute one that begins with `//`."""
        where = path[1:] if path.startswith("//") else f"{self.workspace}{path}"
        return self.http.request(method, where, json=body)


def check(answer: httpx.Response, sent: object) -> None:
    """Whatever was sent: no defect of the emulator, no traceback, and an error says what it is about."""
    assert answer.status_code < 500 or answer.status_code == 501, (sent, answer.status_code, answer.text)
    assert "Traceback" not in answer.text, (sent, answer.text)
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        assert answer.headers["content-type"].startswith("application/json"), (sent, answer.status_code, answer.text)
        told = answer.json()
        assert (told.get("error") or {}).get("message") or told.get("message"), (sent, told)


@pytest.fixture(scope="module")
def api(emulator: Emulator) -> Iterator[Api]:
    settings = emulator.settings
    token = identity.access_token(settings, f"https://{ARM_HOST}")
    with httpx.Client(
        base_url=f"https://127.0.0.1:{settings.ports.api}",
        headers={"Host": ARM_HOST, "Authorization": f"Bearer {token}"},
        verify=ssl.create_default_context(cafile=settings.certificates / "ca.pem"),
        trust_env=False,
        timeout=60,
    ) as http:
        yield Api(http, settings.workspace_id, settings.subscription_id, settings.resource_group, settings.workspace)

"""What one emulator is called and where it listens: made once for a state folder, and kept there."""

from __future__ import annotations

import base64
import fnmatch
import json
import os
import secrets
import socket
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

REGION = "westeurope"
API_HOST = f"{REGION}.api.azureml.ms"
ARM_HOST = "management.azure.com"
LOGIN_HOST = "login.microsoftonline.com"
GITHUB_OIDC_HOST = "token.actions.githubusercontent.com"
BLOB_SUFFIX = "blob.core.windows.net"
AZURE_HOSTS = (ARM_HOST, LOGIN_HOST, GITHUB_OIDC_HOST, "*.azureml.ms")
"""Patterns of the host names that the emulator itself answers for; storage is answered for by Azurite."""

TOKEN_SECONDS = 3600.0
"""How long an access token lives unless the settings say otherwise, as in Entra."""

AUTO, DOCKER, VENV = "auto", "docker", "venv"
EXECUTORS = (AUTO, DOCKER, VENV)
"""How jobs run: in virtual environments, and by Docker what these cannot be made for; all by Docker; none by Docker."""


def host_is_one_of(host: str, patterns: Iterable[str]) -> bool:
    """Whether a host name, with or without a port, is meant by one of the patterns."""
    name = host.partition(":")[0].rstrip(".").lower()
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def default_state() -> Path:
    """The state folder when none is given: `$AZUREML_EMULATOR_STATE`, or one of the user's own."""
    if given := os.environ.get("AZUREML_EMULATOR_STATE"):
        return Path(given)
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "azureml-emulator"


def cache() -> Path:
    """The folder of what is built once for this user: Azurite and the environments of jobs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "azureml-emulator"


class SettingsError(Exception):
    """The settings of an emulator cannot be read; the text is one line."""


@dataclass(frozen=True)
class Ports:
    """Loopback ports, one per server. A state folder that an older version made has none for the page yet: 0."""

    proxy: int
    api: int
    blob: int
    mlflow: int
    page: int = 0


@dataclass(frozen=True)
class Settings:
    """The names, secrets and ports of one emulator. The secrets are random, and open nothing but this emulator.

    `time_scale` multiplies the time that operations on computes take, `token_lifetime` is the seconds that an access
    token is good for, `executor` is one of EXECUTORS. `control_token` lets the emulator's own command arm faults: no
    client and no job is given it.
    """

    state: Path
    subscription_id: str
    resource_group: str
    workspace: str
    tenant_id: str
    client_id: str
    client_secret: str
    signing_key: str
    github_request_token: str
    storage_account: str
    storage_key: str
    ports: Ports
    time_scale: float = 1.0
    token_lifetime: float = TOKEN_SECONDS
    executor: str = AUTO
    control_token: str = ""

    @property
    def workspace_id(self) -> str:
        """The workspace's ARM id."""
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.workspace}"
        )

    @property
    def api_url(self) -> str:
        """The data plane's base URL, as the workspace's discovery document names it."""
        return f"https://{API_HOST}"

    @property
    def blob_url(self) -> str:
        """The storage account's blob endpoint, by its real host name."""
        return f"https://{self.storage_account}.{BLOB_SUFFIX}"

    @property
    def certificates(self) -> Path:
        """The folder of the CA and the servers' certificate."""
        return self.state / "certificates"


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _new(state: Path) -> Settings:
    return Settings(
        state=state,
        # One for each state: the SDK caches on disk, by subscription, group and workspace, the ids that it was given,
        # and would name to a new emulator what only a former one has.
        subscription_id=str(uuid.uuid4()),
        resource_group="emulator",
        workspace="emulator",
        tenant_id="00000000-bbbb-4000-8000-000000000001",
        client_id="00000000-cccc-4000-8000-000000000001",
        client_secret=secrets.token_urlsafe(32),
        signing_key=secrets.token_urlsafe(48),
        github_request_token=secrets.token_urlsafe(32),
        storage_account="azuremlemulator",
        storage_key=base64.b64encode(secrets.token_bytes(64)).decode(),
        ports=Ports(*_free_ports(len(fields(Ports)))),
    )


def _write(settings: Settings) -> None:
    file = settings.state / "settings.json"
    part = file.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text(json.dumps({k: v for k, v in asdict(settings).items() if k != "state"}, indent=2))
    part.replace(file)


def load(state: Path) -> Settings:
    """The settings kept in `state`.

    Raises FileNotFoundError if no emulator was ever started there, SettingsError if the file is damaged.
    """
    file = state / "settings.json"
    try:
        kept = json.loads(file.read_text())
        return Settings(state=state, ports=Ports(**kept.pop("ports")), **kept)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        told = f"{file} is damaged ({error}): `azureml-emulator reset` forgets this emulator and all that it holds"
        raise SettingsError(told) from error


def load_or_create(
    state: Path, time_scale: float | None = None, token_lifetime: float | None = None, executor: str | None = None
) -> Settings:
    """The settings kept in `state`, or new ones. Ports that somebody else took meanwhile are replaced."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        settings = load(state)
    except FileNotFoundError:
        settings = _new(state)
    if not all(port and _is_free(port) for port in asdict(settings.ports).values()):
        settings = replace(settings, ports=Ports(*_free_ports(len(fields(Ports)))))
    if time_scale is not None:
        settings = replace(settings, time_scale=time_scale)
    if token_lifetime is not None:
        settings = replace(settings, token_lifetime=token_lifetime)
    if executor is not None:
        settings = replace(settings, executor=executor)
    if not settings.control_token:  # Kept by an older version, or new.
        settings = replace(settings, control_token=secrets.token_urlsafe(32))
    _write(settings)
    return settings

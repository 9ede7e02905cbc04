"""Two emulators on one machine have nothing in common, and neither listens where others can reach it."""

import base64
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Environment

from azureml_emulator import identity, lifecycle, processes
from azureml_emulator.settings import ARM_HOST, Settings
from tests.integration.conftest import Emulator

AUDIENCE = f"https://{ARM_HOST}"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A second emulator beside the session's."""
    state = tmp_path_factory.mktemp("other")
    yield lifecycle.up(state)
    lifecycle.down(state)


def ask(known: Settings, token: str, *, of: Settings | None = None) -> httpx.Response:
    """GET the computes of a workspace, by the emulator's own port."""
    workspace = (of or known).workspace_id
    url = f"https://127.0.0.1:{known.ports.api}{workspace}/computes"
    headers = {"Host": ARM_HOST, "Authorization": f"Bearer {token}"}
    return httpx.get(url, headers=headers, verify=False, trust_env=False)  # noqa: S501 - whom it asks is the port


def claims(known: Settings, **others: object) -> dict[str, Any]:
    now = int(time.time())
    issuer = f"https://sts.windows.net/{known.tenant_id}/"
    return {"aud": AUDIENCE, "iss": issuer, "iat": now, "nbf": now, "exp": now + 600, **others}


def unsigned(header: dict[str, str], body: dict[str, Any]) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, body))
    return f"{'.'.join(parts)}."


def test_a_token_of_ours_is_taken(emulator: Emulator) -> None:
    known = emulator.settings
    assert ask(known, jwt.encode(claims(known), known.signing_key, "HS256")).status_code == 200


@pytest.mark.conformance("trust: tokens of others, unsigned, or of another algorithm, audience, issuer or time")
def test_a_token_of_another_emulator_is_not(emulator: Emulator, other: Settings) -> None:
    for one, its in ((emulator.settings, other), (other, emulator.settings)):
        answer = ask(one, identity.access_token(its, AUDIENCE))
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


@pytest.mark.conformance("trust: tokens of others, unsigned, or of another algorithm, audience, issuer or time")
def test_a_token_that_is_not_signed_is_not(emulator: Emulator) -> None:
    known = emulator.settings
    for algorithm in ("none", "None", "HS256"):
        assert ask(known, unsigned({"alg": algorithm, "typ": "JWT"}, claims(known))).status_code == 401


@pytest.mark.conformance("trust: tokens of others, unsigned, or of another algorithm, audience, issuer or time")
def test_a_token_of_another_algorithm_is_not(emulator: Emulator) -> None:
    known = emulator.settings
    assert ask(known, jwt.encode(claims(known), known.signing_key, "HS512")).status_code == 401
    # The certificate is public: as the key of an HMAC it must open nothing.
    public = base64.b64encode((known.certificates / "server.pem").read_bytes()).decode()
    assert ask(known, jwt.encode(claims(known), public, "HS256")).status_code == 401


@pytest.mark.conformance("trust: tokens of others, unsigned, or of another algorithm, audience, issuer or time")
def test_a_token_of_githubs_issuer_for_arm_is_not(emulator: Emulator) -> None:
    """Whoever may ask for such a token may choose its audience."""
    known = emulator.settings
    token = jwt.encode(claims(known, iss=identity.GITHUB_ISSUER), known.signing_key, "HS256")
    assert ask(known, token).status_code == 401


@pytest.mark.parametrize("missing", ["aud", "iss", "exp", "nbf"])
def test_a_token_that_lacks_a_claim_is_not(emulator: Emulator, missing: str) -> None:
    known = emulator.settings
    body = {name: value for name, value in claims(known).items() if name != missing}
    assert ask(known, jwt.encode(body, known.signing_key, "HS256")).status_code == 401


@pytest.mark.conformance("trust: tokens of others, unsigned, or of another algorithm, audience, issuer or time")
@pytest.mark.parametrize("change", [{"exp": 1}, {"nbf": 10**11}, {"aud": "https://graph.microsoft.com"}])
def test_a_token_out_of_its_time_or_place_is_not(emulator: Emulator, change: dict[str, Any]) -> None:
    known = emulator.settings
    assert ask(known, jwt.encode(claims(known, **change), known.signing_key, "HS256")).status_code == 401


@pytest.mark.conformance("trust: two emulators on one machine")
def test_one_emulator_knows_nothing_of_the_other(emulator: Emulator, other: Settings, ml_client: MLClient) -> None:
    ml_client.environments.create_or_update(Environment(name="only-here", version="1", image="debian:12"))
    token = identity.access_token(other, AUDIENCE)
    assert ask(other, token, of=emulator.settings).status_code == 404
    url = f"https://127.0.0.1:{other.ports.api}{other.workspace_id}/environments/only-here/versions/1"
    headers = {"Host": ARM_HOST, "Authorization": f"Bearer {token}"}
    assert httpx.get(url, headers=headers, verify=False, trust_env=False).status_code == 404  # noqa: S501
    secrets = ("client_secret", "signing_key", "github_request_token", "storage_key", "control_token")
    for name in secrets:
        assert getattr(other, name) != getattr(emulator.settings, name)
    assert not set(vars(other.ports).values()) & set(vars(emulator.settings.ports).values())


def belonging_to(state: Path) -> list[int]:
    """The processes of an emulator: those that it has noted, and all that descend from them or carry its mark."""
    noted = {pid for file in (state / "pid").iterdir() if (pid := processes.running(file))}
    marked = set(processes.carriers(f"{processes.OWNER}={processes.owner(state)}".encode()))
    assert len(noted) >= 3
    assert noted <= marked
    return sorted(noted | marked)


def listening(pids: list[int]) -> dict[int, set[str]]:
    """The local addresses of the listening sockets of some processes, by port, of IPv4 and IPv6."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(descriptor.readlink())
            except FileNotFoundError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found: dict[int, set[str]] = {}
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, port = fields[1].split(":")
                words = (bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8))
                found.setdefault(int(port, 16), set()).add(socket.inet_ntop(family, b"".join(words)))
    return found


@pytest.mark.conformance("trust: every socket listens on loopback alone")
def test_every_socket_listens_on_loopback_alone(emulator: Emulator, other: Settings) -> None:
    for known in (emulator.settings, other):
        found: dict[int, set[str]] = {}
        deadline = time.monotonic() + 90  # MLflow comes up after the rest.
        while not set(vars(known.ports).values()) <= found.keys():
            assert time.monotonic() < deadline
            time.sleep(0.1)
            found = listening(belonging_to(known.state))
        assert {address for addresses in found.values() for address in addresses} == {"127.0.0.1"}


@pytest.mark.conformance("trust: one server to a state folder")
def test_a_second_server_on_the_same_state_does_not_start(other: Settings) -> None:
    noted = (other.state / "pid" / "emulator").read_text()
    command = [sys.executable, "-m", "azureml_emulator.server", str(other.state)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "store.sqlite is open in another process" in done.stderr
    assert ask(other, identity.access_token(other, AUDIENCE)).status_code == 200
    assert (other.state / "pid" / "emulator").read_text() == noted

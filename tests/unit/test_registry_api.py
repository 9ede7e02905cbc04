"""The registry client against servers that behave as registries do."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mlops_actions import registry_api
from mlops_actions.image_reference import ImageReference

CONFIG = json.dumps({"config": {"Labels": {"azureml.job": "animals-1"}}}).encode()


def digest(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()


MANIFEST = json.dumps({"schemaVersion": 2, "config": {"digest": digest(CONFIG)}}).encode()
INDEX = json.dumps(
    {
        "manifests": [
            {"digest": "sha256:00", "platform": {"os": "unknown"}},
            {"digest": digest(MANIFEST), "platform": {"os": "linux"}},
        ]
    }
).encode()


@dataclass
class FakeRegistry:
    """Answers by path; `challenge` is what it asks for when a request has not the right Authorization."""

    port: int = 0
    bodies: dict[str, bytes] = field(default_factory=dict)
    challenge: str = ""
    accepted: str = ""

    def image(self, tag: str = "v1") -> ImageReference:
        return ImageReference.parse(f"127.0.0.1:{self.port}/app:{tag}")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeRegistry]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    fake = FakeRegistry()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path != "/token" and fake.challenge and self.headers.get("Authorization") != fake.accepted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", fake.challenge)
                self.end_headers()
                return
            body = fake.bodies.get(path)
            self.send_response(200 if body is not None else 404)
            self.end_headers()
            self.wfile.write(body or b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.port = server.server_port
    fake.bodies = {
        "/v2/app/manifests/v1": MANIFEST,
        "/v2/app/manifests/multi": INDEX,
        f"/v2/app/manifests/{digest(MANIFEST)}": MANIFEST,
        f"/v2/app/blobs/{digest(CONFIG)}": CONFIG,
    }
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


def test_digest_and_labels(registry: FakeRegistry) -> None:
    assert registry_api.inspect(registry.image()) == registry_api.RemoteImage(
        digest(MANIFEST), {"azureml.job": "animals-1"}
    )


def test_digest_of_an_index_is_its_own_and_labels_are_the_platforms(registry: FakeRegistry) -> None:
    found = registry_api.inspect(registry.image("multi"))
    assert found.digest == digest(INDEX)
    assert found.labels == {"azureml.job": "animals-1"}


def test_image_that_does_not_exist(registry: FakeRegistry) -> None:
    with pytest.raises(registry_api.ImageNotFoundError, match="app:none does not exist"):
        registry_api.inspect(registry.image("none"))


def test_content_that_is_not_what_the_digest_says(registry: FakeRegistry) -> None:
    wrong = "sha256:" + "0" * 64
    registry.bodies[f"/v2/app/manifests/{wrong}"] = MANIFEST
    with pytest.raises(registry_api.RegistryUnreadableError, match="when asked for"):
        registry_api.inspect(registry.image().at(wrong))


def login(folder: Path, registry: FakeRegistry) -> str:
    encoded = base64.b64encode(b"me:secret").decode()
    config = {"auths": {f"127.0.0.1:{registry.port}": {"auth": encoded}}}
    (folder / "config.json").write_text(json.dumps(config))
    return f"Basic {encoded}"


def test_password_that_docker_login_left(registry: FakeRegistry, tmp_path: Path) -> None:
    registry.challenge, registry.accepted = 'Basic realm="x"', login(tmp_path, registry)
    assert registry_api.inspect(registry.image()).digest == digest(MANIFEST)


def test_token_without_a_login(registry: FakeRegistry) -> None:
    realm = f"http://127.0.0.1:{registry.port}/token"
    registry.challenge, registry.accepted = f'Bearer realm="{realm}",service="s"', "Bearer t1"
    registry.bodies["/token"] = b'{"token": "t1"}'
    assert registry_api.inspect(registry.image()).digest == digest(MANIFEST)


def test_token_that_is_refused(registry: FakeRegistry) -> None:
    registry.challenge = f'Bearer realm="http://127.0.0.1:{registry.port}/no-such-token"'
    with pytest.raises(registry_api.RegistryUnreadableError, match="gives no token to pull app: 401"):
        registry_api.inspect(registry.image())


@pytest.mark.parametrize("prepare", [lambda _f, _r: None, login])
def test_login_that_is_missing_or_refused(
    prepare: Callable[[Path, FakeRegistry], object], registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.challenge, registry.accepted = 'Basic realm="x"', "Basic of-somebody-else"
    prepare(tmp_path, registry)
    with pytest.raises(registry_api.RegistryUnreadableError, match=r"asks for a login|401"):
        registry_api.inspect(registry.image())


def test_answer_that_is_not_a_registrys(registry: FakeRegistry) -> None:
    registry.bodies["/v2/app/manifests/v1"] = b"<html>"
    with pytest.raises(registry_api.RegistryUnreadableError, match="not answer in JSON"):
        registry_api.inspect(registry.image())


def test_registry_that_does_not_answer() -> None:
    with pytest.raises(registry_api.RegistryUnreadableError, match=r"127\.0\.0\.1:9 does not answer"):
        registry_api.inspect(ImageReference.parse("127.0.0.1:9/app:v1"))


@pytest.mark.parametrize("realm", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://other.example/token", "//x", "x"])
def test_a_registry_that_sends_the_login_elsewhere(registry: FakeRegistry, realm: str) -> None:
    registry.challenge = f'Bearer realm="{realm}",service="s"'
    with pytest.raises(registry_api.RegistryUnreadableError, match="which is not HTTPS: it gets no login"):
        registry_api.inspect(registry.image())

"""Sends one request to a pod of the new revision, past the Service that may still lead to an old one."""

from __future__ import annotations

import mimetypes
import re
import secrets
import select
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlops_actions.kube import rollout
from mlops_actions.kube.kubectl import Kubectl
from mlops_actions.kube.objects import Key, Object, condition, containers

_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")
_CONNECT_SECONDS = 20
_ANSWER_SECONDS = 60
_ATTEMPTS = 3
_SHOWN = 2000


class SmokeFailedError(Exception):
    """The new revision did not answer the smoke request as it should."""


@dataclass(frozen=True)
class SmokeTest:
    """A GET of `path`, or a POST of `file` as the multipart field `file`."""

    path: str
    file: Path | None = None

    def __str__(self) -> str:
        return f"POST {self.path} with {self.file}" if self.file else f"GET {self.path}"


def run(kubectl: Kubectl, deployment: Object, test: SmokeTest) -> str:
    """The body of the answer, shortened; SmokeFailedError unless its status is 2xx."""
    ready = [p for p in rollout.new_pods(kubectl, deployment) if condition(p, "Ready").get("status") == "True"]
    if not ready:
        raise SmokeFailedError(f"no pod of the new revision is ready for {test}")
    pod, port = ready[0]["metadata"]["name"], _port(deployment)
    for attempt in range(_ATTEMPTS):
        try:
            with _forwarded(kubectl, Key.of(deployment), pod, port) as base:
                return _send(base, test)
        except (ConnectionError, TimeoutError, urllib.error.URLError) as error:
            reason = getattr(error, "reason", error)
            if attempt == _ATTEMPTS - 1:
                raise SmokeFailedError(f"{test} to pod {pod} failed: {reason}") from None
    raise AssertionError("unreachable")


def _port(deployment: Object) -> int:
    """The first port that a container names; by custom the one that serves."""
    for container in containers(deployment):
        for port in container.get("ports") or []:
            return int(port["containerPort"])
    raise SmokeFailedError(f"no container of {Key.of(deployment)} names a containerPort to send the smoke request to")


@contextmanager
def _forwarded(kubectl: Kubectl, key: Key, pod: str, port: int) -> Iterator[str]:
    argv = kubectl.argv("port-forward", f"pod/{pod}", f":{port}", "--address=127.0.0.1", *key.scope)
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    )
    try:
        yield f"http://127.0.0.1:{_local_port(process)}"
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _local_port(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None  # noqa: S101 - piped above
    deadline, said = time.monotonic() + _CONNECT_SECONDS, ""
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([process.stdout], [], [], left)[0]:
            break
        line = process.stdout.readline()
        if found := _FORWARDING.match(line):
            return found[1]
        if not line:
            raise ConnectionError(f"kubectl port-forward ended: {said.strip()}")
        said = line
    raise TimeoutError("kubectl port-forward opened no port")


def _send(base: str, test: SmokeTest) -> str:
    request = urllib.request.Request(base + test.path)  # noqa: S310 - http to the forwarded port
    if test.file is not None:
        request.data, content_type = multipart(test.file)
        request.add_header("Content-Type", content_type)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_ANSWER_SECONDS) as answer:
            return str(answer.read(_SHOWN).decode(errors="replace"))
    except urllib.error.HTTPError as error:
        body = error.read(_SHOWN).decode(errors="replace").strip()
        raise SmokeFailedError(f"{test} was answered {error.code} {error.reason}: {body}") from None


def multipart(file: Path) -> tuple[bytes, str]:
    """The file as a form with one field `file`, and the form's content type."""
    boundary = secrets.token_hex(16)
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    name = file.name.replace("\\", "\\\\").replace('"', '\\"')
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: {kind}\r\n\r\n"
    )
    return (
        head.encode() + file.read_bytes() + f"\r\n--{boundary}--\r\n".encode(),
        f"multipart/form-data; boundary={boundary}",
    )

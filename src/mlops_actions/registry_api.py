"""Reads an image's digest and labels from its registry, with the credentials that `docker login` left."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from pathlib import Path
from typing import Any

from mlops_actions.image_reference import DOCKER_HUB, ImageReference

_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
_LOOPBACK = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_TIMEOUT = 30


class ImageNotFoundError(Exception):
    """The registry answers, and has no such image."""


class RegistryUnreadableError(Exception):
    """The registry cannot be reached, or does not let us read; the text says which."""


class RegistryRefusedError(RegistryUnreadableError):
    """The registry answers, and wants a login, or another one."""


@dataclass(frozen=True)
class RemoteImage:
    """What a registry has under a reference."""

    digest: str
    labels: dict[str, str]


class _DropAuthorization(urllib.request.HTTPRedirectHandler):
    """Registries redirect to blob stores, which must not get the registry's token."""

    def redirect_request(  # noqa: PLR0917 - urllib's signature
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        """The request to the new place, without the header if that is another host or protocol."""
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and urllib.parse.urlsplit(newurl)[:2] != urllib.parse.urlsplit(req.full_url)[:2]:
            request.remove_header("Authorization")
        return request


def inspect(
    reference: ImageReference, *, docker_config: Path | None = None, login: tuple[str, str] | None = None
) -> RemoteImage:
    """The image's digest and its OCI labels. Raises ImageNotFoundError or RegistryUnreadableError.

    `docker_config` is the configuration folder that has the login, if it is not the user's own; `login` is a user and
    password instead.
    """
    session = Session(reference, docker_config, login=login)
    body = session.get(f"manifests/{reference.digest or reference.tag or 'latest'}", accept=_INDEXES + _MANIFESTS)
    digest = "sha256:" + hashlib.sha256(body).hexdigest()
    if reference.digest is not None and digest != reference.digest:
        raise RegistryUnreadableError(f"{reference.registry} answered {digest} when asked for {reference.digest}")
    manifest = _parsed(body)
    if "manifests" in manifest:
        manifest = _parsed(session.get(f"manifests/{_first_platform(manifest)}", accept=_MANIFESTS))
    config = _parsed(session.get(f"blobs/{manifest['config']['digest']}", accept=("*/*",)))
    return RemoteImage(digest, dict(config.get("config", {}).get("Labels") or {}))


def _first_platform(index: dict[str, Any]) -> str:
    """An index lists one manifest a platform, and attestations (platform unknown) beside them."""
    for entry in index["manifests"]:
        if entry.get("platform", {}).get("os") != "unknown":
            return str(entry["digest"])
    raise RegistryUnreadableError("the image's index lists no platform")


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(body)
    except ValueError:
        raise RegistryUnreadableError("the registry did not answer in JSON; is it a registry?") from None
    return document


class Session:
    """Requests to one repository; it signs in when the registry first asks for it.

    `access` is what it asks for then: pull, or pull,push. `login` is a user and password instead of what docker's
    configuration has.
    """

    def __init__(
        self,
        reference: ImageReference,
        docker_config: Path | None,
        *,
        access: str = "pull",
        login: tuple[str, str] | None = None,
    ) -> None:
        self._reference = reference
        self._docker_config = docker_config
        self._access = access
        self._login = login and _basic(*login)
        self._host = host = "registry-1.docker.io" if reference.registry == DOCKER_HUB else reference.registry
        # As docker does it: plain HTTP to a registry on this machine, HTTPS to all others.
        scheme = "http" if _LOOPBACK.fullmatch(host) else "https"
        self._base = f"{scheme}://{host}/v2/{reference.path}"
        self._authorization: str | None = None
        self._opener = urllib.request.build_opener(_DropAuthorization())

    def get(self, path: str, *, accept: tuple[str, ...]) -> bytes:
        """The body of the answer. Raises ImageNotFoundError or RegistryUnreadableError."""
        return self.send("GET", path, accept=accept)[0]

    def send(self, method: str, path: str, *, accept: tuple[str, ...] = ("*/*",)) -> tuple[bytes, Message]:
        """Body and headers of the answer; `path` is below the repository, or a whole URL of the registry's.

        Raises ImageNotFoundError, RegistryRefusedError or RegistryUnreadableError.
        """
        try:
            return self._request(method, urllib.parse.urljoin(f"{self._base}/", path), accept)
        except urllib.error.HTTPError as error:
            if error.code == HTTPStatus.UNAUTHORIZED and self._authorization is None:
                self._authorization = self._sign_in(error.headers)
                return self.send(method, path, accept=accept)
            if error.code == HTTPStatus.NOT_FOUND:
                raise ImageNotFoundError(f"{self._reference} does not exist in {self._reference.registry}") from None
            told = f"{self._reference.registry} answered {error.code} {error.reason}"
            if error.code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                raise RegistryRefusedError(told) from None
            raise RegistryUnreadableError(told) from None
        except urllib.error.URLError as error:
            raise RegistryUnreadableError(f"{self._reference.registry} does not answer: {error.reason}") from None
        except (OSError, http.client.HTTPException) as error:
            raise RegistryUnreadableError(f"{self._reference.registry} does not answer: {error}") from None

    def _request(
        self, method: str, url: str, accept: tuple[str, ...], authorization: str | None = None
    ) -> tuple[bytes, Message]:
        headers = {"Accept": ", ".join(accept)}
        request = urllib.request.Request(url, headers=headers, method=method)  # noqa: S310 - http(s) only
        if authorization := authorization or self._authorization:
            request.add_header("Authorization", authorization)
        with self._opener.open(request, timeout=_TIMEOUT) as answer:
            return answer.read(), answer.headers

    def _sign_in(self, headers: Message) -> str:
        """What the challenge in an answer 401 asks for: a token from its realm, or the password itself."""
        challenge = headers.get("WWW-Authenticate", "")
        basic = self._login or _docker_credentials(self._reference.registry, self._docker_config)
        scheme, _, parameters = challenge.partition(" ")
        if scheme.lower() == "basic" and basic is not None:
            return basic
        values = dict(_CHALLENGE.findall(parameters))
        if scheme.lower() != "bearer" or "realm" not in values:
            raise RegistryRefusedError(f"{self._reference.registry} asks for a login; run docker login before")
        self._check_realm(values["realm"])
        scope = values.get("scope", "") if self._access == "pull" else ""
        scope = scope or f"repository:{self._reference.path}:{self._access}"
        query = urllib.parse.urlencode({"service": values.get("service", ""), "scope": scope})
        try:
            body, _ = self._request("GET", f"{values['realm']}?{query}", ("application/json",), basic)
        except urllib.error.HTTPError as error:
            told = f"to {self._access.rpartition(',')[2]} {self._reference.path}: {error.code} {error.reason}"
            raise RegistryRefusedError(f"{self._reference.registry} gives no token {told}") from None
        answer = _parsed(body)
        return f"Bearer {answer.get('token') or answer.get('access_token')}"

    def _check_realm(self, realm: str) -> None:
        """Where the registry sends the login to is for it to say, but not a file, nor in the clear over a network."""
        parts = urllib.parse.urlsplit(realm)
        in_the_clear = parts.scheme == "http" and _LOOPBACK.fullmatch(parts.netloc) and _LOOPBACK.fullmatch(self._host)
        if parts.scheme != "https" and not in_the_clear:
            raise RegistryRefusedError(
                f"{self._reference.registry} asks to log in at {realm[:200]}, which is not HTTPS: it gets no login"
            )


def _docker_credentials(registry: str, folder: Path | None) -> str | None:
    """The Authorization header that `docker login` left for the registry."""
    folder = folder or Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    file = folder / "config.json"
    if not file.exists():
        return None
    config = _parsed(file.read_bytes())
    key = "https://index.docker.io/v1/" if registry == DOCKER_HUB else registry
    helper = config.get("credHelpers", {}).get(key) or config.get("credsStore")
    if helper:
        return _from_helper(str(helper), key)
    encoded = config.get("auths", {}).get(key, {}).get("auth")
    return f"Basic {encoded}" if encoded else None


def _from_helper(helper: str, key: str) -> str | None:
    try:
        done = subprocess.run(
            [f"docker-credential-{helper}", "get"], input=key, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise RegistryUnreadableError(f"docker's configuration names docker-credential-{helper}, not found") from None
    if done.returncode != 0:
        return None
    answer = json.loads(done.stdout)
    return _basic(answer["Username"], answer["Secret"])


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

"""Logs docker in to a registry for as long as it is needed, and leaves the user's own configuration alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlops_actions.errors import ActionError
from mlops_actions.github import mask
from mlops_actions.image.docker import Docker, DockerError
from mlops_actions.image_reference import DOCKER_HUB

_DOCKER_HUB_KEY = "https://index.docker.io/v1/"

# Not a bare 401: a registry's port may have it.
_REFUSAL = re.compile(r"unauthorized|forbidden|denied|incorrect username|status(?: code)?:? 40[13]\b", re.IGNORECASE)


@contextmanager
def logged_in(registry: str, username: str | None, password: str | None) -> Iterator[Path | None]:
    """Yield the configuration folder that has the login, which is gone afterwards; None if there is nothing to log in.

    It has all else that the user's has: contexts, plugins, proxies and the logins to other registries.
    """
    if username is None and password is None:
        yield None
        return
    if username is None or password is None:
        raise ActionError(f"{'password' if password else 'username'} is given alone: a login takes both, or neither")
    mask(password)
    folder = Path(tempfile.mkdtemp(prefix="docker-config-", dir=os.environ.get("RUNNER_TEMP")))  # mode 0700
    try:
        _copy_configuration(folder, registry)
        _login(Docker(folder), registry, username, password)
        yield folder
    finally:
        shutil.rmtree(folder)


def _login(docker: Docker, registry: str, username: str, password: str) -> None:
    server = () if registry == DOCKER_HUB else (registry,)
    try:
        docker.run("login", f"--username={username}", "--password-stdin", *server, stdin=password)
    except DockerError as error:
        text = str(error)
        if _REFUSAL.search(text):
            raise ActionError(f"{registry} refuses username '{username}' with this password; check both") from None
        raise ActionError(f"no login to {registry}: {text}; check the registry's address") from None


def _copy_configuration(folder: Path, registry: str) -> None:
    users = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    config: dict[str, Any] = {}
    if users.is_dir():
        for entry in users.iterdir():
            if entry.name != "config.json":
                (folder / entry.name).symlink_to(entry.resolve())
        config = _read(users / "config.json")
    (folder / "config.json").write_text(json.dumps(_without_store(config, registry)))


def _read(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ActionError(f"docker's configuration is not JSON: {error}", file=str(file)) from None
    if not isinstance(config, dict):
        raise ActionError("docker's configuration is not a JSON object", file=str(file))
    return config


def _without_store(config: dict[str, Any], registry: str) -> dict[str, Any]:
    """The configuration less the credentials store, where a login would outlive us; other registries still use it."""
    helpers = dict(config.get("credHelpers") or {})
    if store := config.get("credsStore"):
        helpers = {**dict.fromkeys(config.get("auths") or {}, store), **helpers}
    key = _DOCKER_HUB_KEY if registry == DOCKER_HUB else registry
    return {
        **{name: value for name, value in config.items() if name != "credsStore"},
        "credHelpers": {name: helper for name, helper in helpers.items() if name != key},
        "auths": {name: auth for name, auth in (config.get("auths") or {}).items() if name != key},
    }

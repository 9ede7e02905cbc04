"""Runs kubectl against one cluster."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlops_actions.errors import ActionError
from mlops_actions.github import mask

FIELD_MANAGER = "mlops-actions"
_SECRET_FIELDS = re.compile(r"token|password|secret|key-data", re.IGNORECASE)
_KLOG = re.compile(r"^[EWIF]\d{4} \d\d:\d\d:\d\d")


class KubectlError(Exception):
    """What kubectl said when it failed, without its log lines."""


@dataclass(frozen=True)
class Kubectl:
    """Runs kubectl with the given kubeconfig (None: what it finds itself) and context (None: the current one)."""

    kubeconfig: Path | None = None
    context: str | None = None

    def argv(self, *arguments: str) -> list[str]:
        """The whole command line."""
        flags = [] if self.kubeconfig is None else [f"--kubeconfig={self.kubeconfig}"]
        flags += [] if self.context is None else [f"--context={self.context}"]
        return ["kubectl", *flags, *arguments]

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """What it prints; KubectlError if it fails."""
        return self.run_with_warnings(*arguments, stdin=stdin)[0]

    def run_with_warnings(self, *arguments: str, stdin: str | None = None) -> tuple[str, list[str]]:
        """What it prints, and the warnings of the API server."""
        done = subprocess.run(
            self.argv(*arguments), input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        lines = [line for line in done.stderr.splitlines() if line.strip() and not _KLOG.match(line)]
        warnings = [line.removeprefix("Warning: ") for line in lines if line.startswith("Warning: ")]
        if done.returncode != 0:
            said = [line.removeprefix("error: ") for line in lines if not line.startswith("Warning: ")]
            raise KubectlError("; ".join(said) or f"kubectl {arguments[0]} failed with status {done.returncode}")
        return done.stdout, warnings

    def get(self, *arguments: str) -> dict[str, Any]:
        """`kubectl get` as an object."""
        document: dict[str, Any] = json.loads(self.run("get", *arguments, "-o", "json"))
        return document

    def items(self, *arguments: str) -> list[dict[str, Any]]:
        """The items of a `kubectl get` of several objects."""
        return list(self.get(*arguments)["items"])


@contextmanager
def cluster(kubeconfig: str | None, context: str | None) -> Iterator[Kubectl]:
    """Yield kubectl for a cluster that is known to answer.

    `kubeconfig` is a path or the content of such a file; content is written to the runner's temp folder, for its owner
    alone, and removed in the end.
    """
    if shutil.which("kubectl") is None:
        raise ActionError("kubectl is not on the PATH; install it in a step before (azure/setup-kubectl does)")
    with _kubeconfig_file(kubeconfig) as file:
        kubectl = Kubectl(file, context)
        _require_context(kubectl)
        _require_answer(kubectl)
        yield kubectl


@contextmanager
def _kubeconfig_file(given: str | None) -> Iterator[Path | None]:
    if given is None:
        yield None
    elif "\n" not in given.strip() and not given.lstrip().startswith("{"):  # else content, as YAML or as JSON
        path = _existing_file(given.strip())
        try:
            _mask_secrets(path.read_text(encoding="utf-8"), f"the file {path}")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            raise ActionError(f"kubeconfig: {path} cannot be read: {why}") from None
        yield path
    else:
        _mask_secrets(given, "the content")
        descriptor, name = tempfile.mkstemp(prefix="kubeconfig-", dir=os.environ.get("RUNNER_TEMP"))  # mode 0600
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(given)
            yield Path(name)
        finally:
            Path(name).unlink()


def _existing_file(given: str) -> Path:
    try:
        path = Path(given).expanduser()
        exists = path.is_file()
    except (OSError, RuntimeError):  # it is too long for a path, or of a user that there is not
        exists = False
    if not exists:
        raise ActionError(f"kubeconfig: there is no file {given}; give a path, or the content of a kubeconfig")
    return path


def _mask_secrets(content: str, what: str) -> None:
    """Mask what a kubeconfig must not tell the log; ActionError if it is none, which quotes nothing of it."""
    try:
        document = yaml.safe_load(content)
    except yaml.YAMLError:  # its message would quote the content, which holds keys
        raise ActionError(f"kubeconfig: {what} is not YAML") from None
    if not isinstance(document, dict) or not document.get("clusters"):
        raise ActionError(f"kubeconfig: {what} names no clusters; it is not a kubeconfig")
    for secret in _secrets(document.get("users")):
        mask(secret)


def _secrets(part: object) -> Iterator[str]:
    """The secrets in a part of a kubeconfig: of a user, an exec plugin's variables or an auth provider's settings."""
    if isinstance(part, list):
        for inner in part:
            yield from _secrets(inner)
    if not isinstance(part, dict):
        return
    if _SECRET_FIELDS.search(str(part.get("name"))) and isinstance(part.get("value"), str):
        yield part["value"]
    for name, inner in part.items():
        if isinstance(inner, str) and _SECRET_FIELDS.search(str(name)):
            yield inner
            if str(name).endswith("-data"):  # base64 of a file
                yield _decoded(inner)
        else:
            yield from _secrets(inner)


def _decoded(text: str) -> str:
    """The lines of a key, without those that all keys have."""
    try:
        lines = base64.b64decode(text).decode().splitlines()
    except ValueError:
        return ""
    return "\n".join(line for line in lines if not line.startswith("-----"))


def _require_context(kubectl: Kubectl) -> None:
    try:
        known = Kubectl(kubectl.kubeconfig).run("config", "get-contexts", "-o", "name").split()
    except KubectlError as error:
        raise ActionError(f"kubeconfig: {error}") from None
    if kubectl.context is not None and kubectl.context not in known:
        raise ActionError(f"context: the kubeconfig has no '{kubectl.context}', only: {', '.join(known) or 'none'}")
    if not known:
        raise ActionError("kubeconfig: none is given, and neither KUBECONFIG nor ~/.kube/config has a context")


def _require_answer(kubectl: Kubectl) -> None:
    try:
        kubectl.run("get", "--raw", "/version", "--request-timeout=15s")
    except KubectlError as error:
        raise ActionError(f"the cluster at {server(kubectl)} does not answer: {error}") from None


def server(kubectl: Kubectl) -> str:
    """The address of the API server."""
    return kubectl.run("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}").strip()


def current_namespace(kubectl: Kubectl) -> str:
    """The namespace of the context, or `default`."""
    view = kubectl.run("config", "view", "--minify", "-o", "jsonpath={.contexts[0].context.namespace}")
    return view.strip() or "default"

"""What kustomize makes of k8s/, held against the schemas that Kubernetes publishes."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import yaml

from sandbox import kubernetes
from sandbox.lint import files
from sandbox.paths import ROOT


def findings() -> list[str]:
    """A line for each object that its schema does not allow."""
    version = _version()
    return [
        f"{overlay}: {problem}"
        for overlay in files.overlays()
        for document in _built(overlay)
        for problem in problems(document, version)
    ]


def _version() -> str:
    """The Kubernetes that the sandbox runs, such as 1.34."""
    modules = (ROOT / "sandbox" / "kubernetes" / "kubeall" / "go.mod").read_text()
    found = re.search(r"k8s\.io/kubernetes v(\d+\.\d+)\.", modules)
    assert found is not None, "go.mod does not require k8s.io/kubernetes"  # noqa: S101
    return found.group(1)


def _built(overlay: str) -> list[dict[str, Any]]:
    command = [str(kubernetes.kubectl()), "kustomize", overlay]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if built.returncode:
        return [{"error": built.stderr.strip()}]
    return [document for document in yaml.safe_load_all(built.stdout) if document]


def problems(document: dict[str, Any], version: str) -> list[str]:
    """What the schema of that Kubernetes does not allow in an object."""
    if "error" in document:
        return [document["error"]]
    name = f"{document.get('kind')} {document.get('metadata', {}).get('name')}"
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{name}: {'.'.join(str(part) for part in error.path)}: {error.message}"]
    except kubernetes_validate.SchemaNotFoundError as error:
        return [f"{name}: {error.message}"]
    return []

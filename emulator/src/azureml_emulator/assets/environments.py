"""Environments: an image and a conda file; a job's process gets what the conda file's pip section lists."""

from __future__ import annotations

from typing import Any

import yaml
from starlette.routing import Route

from ..context import Context
from ..curated.versions import PREFIXES
from ..errors import bad_request, conflict
from ..shapes import mapping, text
from . import version_routes
from .version_routes import Draft

KIND = "environments"
_DEFINITION = ("image", "condaFile", "build")


def prepare(draft: Draft) -> dict[str, Any]:
    """Check a draft of an environment version. Raises ServiceError (400, 409)."""
    properties, known = draft.properties, draft.known
    if draft.name.lower().startswith(PREFIXES):
        told = f"Environment name can not start with the prefix {draft.name.partition('-')[0]}."
        raise bad_request(f"{told} To alter a curated environment first create a copy of it.", "ValidationError")
    image = text(properties.get("image"), "properties.image")
    build = mapping(properties.get("build"), "properties.build")
    if not (image or build):
        raise bad_request(f"environment {draft} has neither image nor build", "ValidationError")
    if build and not text(build.get("contextUri"), "properties.build.contextUri"):
        raise bad_request(f"environment {draft}: its build has no contextUri", "ValidationError")
    if conda := text(properties.get("condaFile"), "properties.condaFile"):
        _check_conda(conda, f"the conda file of environment {draft}")
    if known and any(known["properties"].get(field) != properties.get(field) for field in _DEFINITION):
        told = f"environment {draft} exists with another definition; a version cannot be changed"
        raise conflict(told, "UserError")
    return {**properties, "environmentType": "UserCreated", "osType": properties.get("osType") or "Linux"}


def _check_conda(document: str, what: str) -> None:
    try:
        valid = isinstance(yaml.safe_load(document), dict)
    except (yaml.YAMLError, RecursionError):
        valid = False
    if not valid:
        raise bad_request(f"{what} is not a YAML mapping", "ValidationError")


def routes(context: Context) -> list[Route]:
    """The routes of versions."""
    return version_routes.routes(context, KIND, prepare)

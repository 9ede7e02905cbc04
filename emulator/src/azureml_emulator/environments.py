"""Environments: an image and a conda file; a job's process gets what the conda file's pip section lists."""

from __future__ import annotations

from typing import Any

import yaml
from starlette.routing import Route

from . import assets
from .context import Context
from .errors import bad_request, conflict

KIND = "environments"


def routes(context: Context) -> list[Route]:
    """The routes of versions."""

    def prepare(name: str, version: str, properties: dict[str, Any], known: dict[str, Any] | None) -> dict[str, Any]:
        if not (properties.get("image") or properties.get("build")):
            raise bad_request(f"environment {name}:{version} has neither image nor build", "ValidationError")
        if conda := properties.get("condaFile"):
            try:
                valid = isinstance(yaml.safe_load(conda), dict)
            except yaml.YAMLError:
                valid = False
            if not valid:
                raise bad_request(
                    f"the conda file of environment {name}:{version} is not a YAML mapping", "ValidationError"
                )
        fields = ("image", "condaFile", "build")
        if known and any(known["properties"].get(field) != properties.get(field) for field in fields):
            text = f"environment {name}:{version} exists with another definition; a version cannot be changed"
            raise conflict(text, "UserError")
        return {**properties, "environmentType": "UserCreated", "osType": properties.get("osType") or "Linux"}

    return assets.routes(context, KIND, prepare)

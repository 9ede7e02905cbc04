"""Data assets: a name and a version for a file or a folder in storage."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from . import assets
from .context import Context
from .errors import bad_request, conflict

KIND = "data"
_TYPES = {"uri_file", "uri_folder", "mltable"}


def routes(context: Context) -> list[Route]:
    """The routes of versions."""

    def prepare(name: str, version: str, properties: dict[str, Any], known: dict[str, Any] | None) -> dict[str, Any]:
        if (kind := properties.get("dataType")) not in _TYPES:
            raise bad_request(
                f"data {name}:{version} has the type {kind}, not one of {sorted(_TYPES)}", "ValidationError"
            )
        if not properties.get("dataUri"):
            raise bad_request(f"data {name}:{version} has no dataUri", "ValidationError")
        if known and known["properties"]["dataUri"] != properties["dataUri"]:
            text = f"data {name}:{version} exists with another path; a version cannot be changed"
            raise conflict(text, "UserError")
        return properties

    return assets.routes(context, KIND, prepare)

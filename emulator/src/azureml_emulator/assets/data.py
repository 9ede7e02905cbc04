"""Data assets: a name and a version for a file or a folder in storage."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from starlette.routing import Route

from ..context import Context
from ..errors import bad_request, conflict
from ..shapes import text
from . import containers, version_routes
from .version_routes import Complete, Draft, Prepare

KIND = "data"
_TYPES = {"uri_file", "uri_folder", "mltable"}


def preparation(context: Context) -> Prepare:
    """How a data version is checked: all versions of a name have one type, and a version keeps its path."""

    def prepare(draft: Draft) -> dict[str, Any]:
        properties, known = draft.properties, draft.known
        kind = text(properties.get("dataType"), "properties.dataType")
        if kind not in _TYPES:
            raise bad_request(f"data {draft} has the type {kind}, not one of {sorted(_TYPES)}", "ValidationError")
        if not (path := text(properties.get("dataUri"), "properties.dataUri")):
            raise bad_request(f"data {draft} has no dataUri", "ValidationError")
        if known and known["properties"]["dataUri"] != path:
            # The SDK knows this text.
            told = f"Asset paths cannot be updated. data {draft} exists with another path; a version cannot be changed"
            raise conflict(told, "UserError")
        has = containers.data_type(context, draft.name, draft.scope)
        if has not in {None, kind}:
            raise bad_request(f"data {draft} is {kind}, but the other versions of {draft.name} are {has}")
        return properties

    return prepare


def routes(context: Context, complete: Complete) -> list[Route]:
    """The routes of versions; `complete` fills in what a path that names a job's output stands for."""
    prepare = preparation(context)

    def completed(draft: Draft) -> dict[str, Any]:
        return prepare(replace(draft, properties=complete(context, draft.properties, "dataUri")))

    return version_routes.routes(context, KIND, completed)

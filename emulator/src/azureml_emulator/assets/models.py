"""Models: a name and a version for a folder in storage, with tags and a stage that may change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from starlette.routing import Route

from ..context import Context
from ..errors import bad_request, conflict
from ..shapes import mappings, text
from . import version_routes
from .version_routes import Complete, Draft

KIND = "models"
_TYPES = {"custom_model", "mlflow_model", "triton_model"}


def check(name: str, version: str, properties: dict[str, Any], known: dict[str, Any] | None) -> dict[str, Any]:
    """Complete the properties of a model version. Raises ServiceError (400, 409) for what a model cannot be."""
    kind = text(properties.get("modelType"), "properties.modelType") or "custom_model"
    if kind not in _TYPES:
        raise bad_request(f"model {name}:{version} has the type {kind}, not one of {sorted(_TYPES)}", "ValidationError")
    if not (path := text(properties.get("modelUri"), "properties.modelUri")):
        raise bad_request(f"model {name}:{version} has no modelUri", "ValidationError")
    if known and known["properties"]["modelUri"] != path:
        told = f"Asset paths cannot be updated. model {name}:{version} exists with another path"
        raise conflict(f"{told}; a version cannot be changed", "UserError")
    # Without flavors the SDK cannot read any answer about a model.
    flavors = dict(mappings(properties.get("flavors"), "properties.flavors"))
    return {**properties, "modelType": kind, "flavors": flavors}


def prepare(draft: Draft) -> dict[str, Any]:
    """Check a draft of a model version."""
    return check(draft.name, draft.version, draft.properties, draft.known)


def routes(context: Context, complete: Complete) -> list[Route]:
    """The routes of versions; `complete` fills in what a path that names a job's output stands for."""

    def completed(draft: Draft) -> dict[str, Any]:
        return prepare(replace(draft, properties=complete(context, draft.properties, "modelUri")))

    return version_routes.routes(context, KIND, completed)

"""Models: a name and a version for a folder in storage, with tags that may change."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from . import assets
from .context import Context
from .errors import bad_request, conflict

KIND = "models"
_TYPES = {"custom_model", "mlflow_model", "triton_model"}


def check(name: str, version: str, properties: dict[str, Any], known: dict[str, Any] | None) -> dict[str, Any]:
    """Complete the properties of a model version. Raises ServiceError (400, 409) for what a model cannot be."""
    if (kind := properties.get("modelType") or "custom_model") not in _TYPES:
        raise bad_request(f"model {name}:{version} has the type {kind}, not one of {sorted(_TYPES)}", "ValidationError")
    if not properties.get("modelUri"):
        raise bad_request(f"model {name}:{version} has no modelUri", "ValidationError")
    if known and known["properties"]["modelUri"] != properties["modelUri"]:
        text = f"model {name}:{version} exists with another path; a version cannot be changed"
        raise conflict(text, "UserError")
    # Without flavors the SDK cannot read any answer about a model.
    return {**properties, "modelType": kind, "flavors": properties.get("flavors") or {}}


def routes(context: Context) -> list[Route]:
    """The routes of versions."""
    return assets.routes(context, KIND, check)

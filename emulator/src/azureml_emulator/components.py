"""Components: named ones, and the anonymous ones that a pipeline's inline nodes become."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from . import assets
from .context import Context
from .errors import bad_request, conflict, not_implemented

KIND = "components"
ANONYMOUS = "azureml_anonymous"
_TYPES = {"command", "pipeline"}


def _same(left: dict[str, Any], right: dict[str, Any]) -> bool:
    """Whether two componentSpecs say the same; what the service or the SDK adds by itself does not count."""
    added = {"_source", "version", "is_deterministic", "$schema"}
    return {k: v for k, v in left.items() if k not in added} == {k: v for k, v in right.items() if k not in added}


def routes(context: Context) -> list[Route]:
    """The routes of versions; a spec without a version gets the one in its path."""

    def prepare(name: str, version: str, properties: dict[str, Any], known: dict[str, Any] | None) -> dict[str, Any]:
        spec = properties.get("componentSpec")
        if not isinstance(spec, dict):
            raise bad_request(f"component {name}:{version} has no componentSpec", "ValidationError")
        if (kind := spec.get("type", "command")) not in _TYPES:
            raise not_implemented(f"a component of type {kind} ({name}:{version})")
        if name != ANONYMOUS and known and not _same(known["properties"]["componentSpec"], spec):
            text = f"component {name}:{version} exists with another definition; a version cannot be changed"
            raise conflict(text, "UserError")
        properties["componentSpec"] = {
            **spec,
            "name": spec.get("name") or name,
            "version": spec.get("version") or version,
        }
        properties["isAnonymous"] = name == ANONYMOUS
        return properties

    return assets.routes(context, KIND, prepare)

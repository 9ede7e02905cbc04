"""Components: named ones, and the anonymous ones that a pipeline's inline nodes become."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from ..context import Context
from ..errors import bad_request, conflict, not_implemented
from ..shapes import mapping, text
from . import version_routes
from .version_routes import Draft

KIND = "components"
ANONYMOUS = "azureml_anonymous"
TYPES = frozenset({"command", "parallel", "pipeline"})


def _same(left: dict[str, Any], right: dict[str, Any]) -> bool:
    """Whether two componentSpecs say the same; what the service or the SDK adds by itself does not count."""
    added = {"_source", "name", "version", "is_deterministic", "$schema"}
    return {k: v for k, v in left.items() if k not in added} == {k: v for k, v in right.items() if k not in added}


def prepare(draft: Draft) -> dict[str, Any]:
    """Check a draft of a component version; its spec gets its name and version. Raises ServiceError (400, 409, 501)."""
    spec = dict(mapping(draft.properties.get("componentSpec"), "properties.componentSpec"))
    if not spec:
        raise bad_request(f"component {draft} has no componentSpec", "ValidationError")
    kind = text(spec.get("type"), "properties.componentSpec.type") or "command"
    if kind not in TYPES:
        raise not_implemented(f"a component of type {kind} ({draft})")
    known, named = draft.known, draft.name != ANONYMOUS
    if named and known and not _same(known["properties"]["componentSpec"], spec):
        raise conflict(f"component {draft} exists with another definition; a version cannot be changed", "UserError")
    completed = {**spec, "name": spec.get("name") or draft.name, "version": spec.get("version") or draft.version}
    return {**draft.properties, "componentSpec": completed, "isAnonymous": not named}


def routes(context: Context) -> list[Route]:
    """The routes of versions."""
    return version_routes.routes(context, KIND, prepare)

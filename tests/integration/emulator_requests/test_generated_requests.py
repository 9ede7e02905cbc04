"""Requests that Schemathesis makes up for every route that the emulator has."""

from __future__ import annotations

import os
import re
import string
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import given as hypothesis_given

from azureml_emulator import coverage

from .conftest import Api, check

EXAMPLES = int(os.environ.get("REQUESTS_PER_ROUTE", "4"))
"""For each of some 280 operations; more of them by the environment variable."""

_ANY = {"oneOf": [{"type": kind} for kind in ("string", "integer", "number", "boolean", "null", "array", "object")]}
_BODY = {
    "type": "object",
    "properties": {
        "properties": {
            "type": "object",
            "additionalProperties": _ANY,
            "properties": dict.fromkeys(("properties", "tags", "isArchived", "description"), _ANY),
        },
        "tags": _ANY,
        "location": _ANY,
        "identity": _ANY,
        "values": _ANY,
        "runId": _ANY,
    },
    "additionalProperties": _ANY,
}
_QUERY = ("api-version", "$top", "$skip", "$orderBy", "listViewType", "hash", "version", "tag", "max_results")
# Nothing else could be tried afterwards.
_LEFT_OUT = re.compile(r"^/(?:emulator|faults)")


def _document() -> dict[str, Any]:
    """An OpenAPI document of what the routes say of themselves: methods, paths and their parameters."""
    paths: dict[str, dict[str, Any]] = {}
    for row in coverage.rows():
        path = re.sub(r":path\}", "}", row.path)
        if _LEFT_OUT.match(path):
            continue
        names = [name for _, name, _, _ in string.Formatter().parse(path) if name]
        parameters: list[dict[str, Any]] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
            for name in names
        ]
        parameters += [{"name": name, "in": "query", "schema": {"type": "string"}} for name in _QUERY]
        for method in row.method.lower().split(", "):
            operation: dict[str, Any] = {"parameters": parameters, "responses": {"default": {"description": "any"}}}
            if method in {"put", "post", "patch"}:
                operation["requestBody"] = {"content": {"application/json": {"schema": _BODY}}}
            paths.setdefault(path, {})[method] = operation
    return {"openapi": "3.1.0", "info": {"title": "emulator", "version": "1"}, "paths": paths}


SCHEMA = schemathesis.openapi.from_dict(_document())
OPERATIONS = [operation.ok() for operation in SCHEMA.get_all_operations()]
"""The operations that there are; `ok` raises for one that is described wrongly."""


@pytest.mark.conformance("refusals: requests made up by Schemathesis for every route")
@pytest.mark.parametrize("operation", OPERATIONS, ids=[one.label for one in OPERATIONS])
def test_no_request_is_a_defect(api: Api, operation: schemathesis.APIOperation) -> None:
    ours = {"subscription": api.subscription, "group": api.group, "workspace": api.name}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis_given(case=operation.as_strategy())
    def each(case: schemathesis.Case) -> None:
        case.path_parameters.update({name: value for name, value in ours.items() if name in case.path_parameters})
        sent = case.as_transport_kwargs(base_url=str(api.http.base_url))
        kept = {key: value for key, value in sent.items() if key in {"method", "url", "params", "json", "data"}}
        check(api.http.request(**{("content" if key == "data" else key): value for key, value in kept.items()}), kept)

    each()

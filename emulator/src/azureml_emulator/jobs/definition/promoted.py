"""Settings of nodes that are promoted to inputs of their pipeline: `compute: ${{parent.inputs.machine}}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import bad_request
from .references import ParentInput, parse

_NOT_SETTINGS = frozenset({"inputs", "outputs", "jobs", "search_space", "name", "display_name", "task"})
"""Parts of a node whose expressions mean something else, or are read elsewhere."""


def resolve(spec: Mapping[str, Any], values: Mapping[str, str], where: str) -> dict[str, Any]:
    """A node's JSON with the values of the pipeline's inputs in place of the settings that refer to them.

    `values` are those that are known when the job is submitted: no setting can be files, or another node's output.
    Raises ServiceError (400) for a reference to an input that has no value.
    """
    return {
        key: one if key in _NOT_SETTINGS else _resolved(one, values, f"{where}, {key}") for key, one in spec.items()
    }


def _resolved(given: Any, values: Mapping[str, str], where: str) -> Any:
    if isinstance(given, Mapping):
        return {key: _resolved(one, values, f"{where}.{key}") for key, one in given.items()}
    if isinstance(given, list):
        return [_resolved(one, values, where) for one in given]
    if not isinstance(given, str) or "${{" not in given:
        return given
    try:
        reference = parse(given)
    except ValueError:
        return given  # Not the whole value: whoever reads the setting knows whether it may have expressions.
    if not isinstance(reference, ParentInput):
        return given
    if reference.name not in values:
        raise bad_request(f"{where}: the pipeline has no value for its input {reference.name}")
    return values[reference.name]

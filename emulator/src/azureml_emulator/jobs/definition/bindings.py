"""Inputs and outputs of jobs and nodes, read from their JSON: values, files, and what they are bound to."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...errors import bad_request
from ...shapes import mapping, mappings, text
from ..files import modes
from .components import Component, arm_id
from .references import ParentOutput, Reference, parse
from .specification import Asset, Given, Literal, Target

_DURATION = re.compile(
    r"^P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?$"
)


def _field(spec: Mapping[str, Any], snake: str) -> Any:
    """A field that is in snake_case in nodes and in camelCase in jobs."""
    head, *rest = snake.split("_")
    return spec.get(snake, spec.get(head + "".join(part.capitalize() for part in rest)))


def read_given(spec: Mapping[str, Any], where: str) -> Given:
    """An input of a job. Raises ServiceError (400)."""
    kind = text(_field(spec, "job_input_type"), f"{where}: its type") or (
        "literal" if "value" in spec else "uri_folder"
    )
    if kind == "literal":
        value = spec.get("value")
        if isinstance(value, Mapping | list):
            raise bad_request(f"{where}: its value is not a plain value", "ValidationError")
        return Literal("" if value is None else str(value))
    uri = text(spec.get("uri"), f"{where}: its uri")
    if uri is None:
        raise bad_request(f"{where}: no uri is given")
    mode = modes.of_input(spec.get("mode"), where)
    modes.check_type(mode, kind, where)
    return Asset(arm_id(uri) if uri.startswith("azureml:/sub") else uri, kind, mode)


def read_node_input(spec: Mapping[str, Any], where: str) -> Given | Reference:
    """An input of a node, which may be bound to another node's output. Raises ServiceError (400)."""
    given = read_given(spec, where)
    if isinstance(given, Asset):
        return given
    return _reference(given.value, where) or given


def _reference(value: str, where: str) -> Reference | None:
    try:
        return parse(value)
    except ValueError as error:
        raise bad_request(f"{where}: {error}") from error


def read_target(spec: Mapping[str, Any], where: str) -> Target:
    """Where an output of a job goes. Raises ServiceError (400)."""
    # Nodes say `name` and `version` where jobs say assetName and assetVersion.
    name, version = _field(spec, "asset_name") or spec.get("name"), _field(spec, "asset_version") or spec.get("version")
    return Target(
        type=text(_field(spec, "job_output_type"), f"{where}: its type") or "uri_folder",
        uri=text(spec.get("uri"), f"{where}: its uri"),
        mode=modes.of_output(spec.get("mode"), where),
        asset_name=text(name, f"{where}: its asset's name"),
        asset_version=text(version, f"{where}: its asset's version"),
    )


def read_node_outputs(node: str, given: object, component: Component) -> dict[str, Target]:
    """All outputs of the component; those that the node says nothing about go to their default place."""
    targets = {name: Target(kind, mode=component.modes.get(name)) for name, kind in component.outputs.items()}
    for name, spec in mappings(given, f"jobs.{node}.outputs"):
        if name not in targets:
            raise bad_request(f"node {node} has no output {name}: its component has {_listed(targets)}")
        value = spec.get("value")
        target = read_target(spec, f"jobs.{node}.outputs.{name}")
        target = replace(target, type=targets[name].type, mode=target.mode or targets[name].mode)
        if value is not None:
            reference = _reference(str(value), f"node {node}, output {name}")
            if not isinstance(reference, ParentOutput):
                raise bad_request(f"node {node}, output {name}: {value} is not an output of the pipeline")
            target = replace(target, bound=reference.name)
        targets[name] = target
    return targets


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(sorted(names)) or "none"


def read_timeout(limits: object) -> float | None:
    """Seconds in a job's limits: ISO 8601 in a job's JSON, a number in a node's."""
    given = mapping(limits, "limits").get("timeout")
    if given is None:
        return None
    try:
        seconds = _seconds(str(given))
    except ValueError as error:
        raise bad_request(f"limits.timeout is {given!r}, no duration") from error
    if not (math.isfinite(seconds) and seconds > 0):
        raise bad_request(f"limits.timeout is {given!r}, not a number of seconds")
    return seconds


def _seconds(duration: str) -> float:
    match = _DURATION.match(duration)
    if match is None:
        return float(duration)
    parts = {unit: float(count or 0) for unit, count in match.groupdict().items()}
    return parts["days"] * 86400 + parts["hours"] * 3600 + parts["minutes"] * 60 + parts["seconds"]

"""Checks what a pipeline's YAML says of the components in other files that it refers to.

The SDK takes an input that a component does not have without a word, and the component's default is used instead; and
of a file that is no YAML it tells neither name nor line.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_actions import definitions, github
from mlops_actions.diagnostics.locations import linked_file


def check_references(file: Path, definition: Mapping[str, Any]) -> None:
    """Warn of inputs that a component does not have. Raises ActionError for a component's file that is not YAML."""
    _check(file, definition, (file.resolve(),))


def _check(file: Path, definition: Mapping[str, Any], within: tuple[Path, ...]) -> None:
    jobs = definition.get("jobs")
    for name, node in (jobs if isinstance(jobs, Mapping) else {}).items():
        named = node.get("component") if isinstance(node, Mapping) else None
        component = linked_file(file, named) if isinstance(named, str) else None
        if component is None or component.resolve() in within:
            continue
        document = definitions.read(component, "component")
        _check_inputs(file, f"jobs.{name}.inputs", node.get("inputs"), document.get("inputs"), component)
        _check(component, document, (*within, component.resolve()))


def _check_inputs(file: Path, path: str, given: object, known: object, component: Path) -> None:
    names = [str(name) for name in known] if isinstance(known, Mapping) else []
    for name in given if isinstance(given, Mapping) else ():
        if str(name) not in names:
            has = f"it has {', '.join(names)}" if names else "it has none"
            text = f"the component {component} has no input '{name}', so it is not used; {has}"
            github.annotate("warning", text, file=str(file), line=definitions.line_of(file, f"{path}.{name}"))

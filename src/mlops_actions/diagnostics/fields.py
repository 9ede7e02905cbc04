"""Says what is wrong with a node of a pipeline of which the SDK only says that it has no component.

The SDK tries what a node may be one after the other: of a node that is none of these for a misspelt field, or a folder
of code that is not there, it tells the complaint of its last try.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from mlops_actions.diagnostics.locations import Entry, own_entries

_COMPONENT = ".component"
_MISSING = "Missing data for required field."

_NAMES = (
    "type name display_name description tags component trial command code environment environment_variables inputs "
    "outputs compute resources distribution limits services identity queue_settings comment properties jobs settings "
    "job_tier priority objective search_space sampling_algorithm early_termination input_data instance_count "
    "max_concurrency_per_instance mini_batch_size mini_batch_error_threshold retry_settings logging_level task "
    "error_threshold program_arguments entry conf args py_files jars files archives partition_keys"
)
_FIELDS = frozenset(_NAMES.split())
"""Fields of a node: https://learn.microsoft.com/azure/machine-learning/reference-yaml-job-pipeline, and those of the
jobs that it lists."""


def explained(file: Path, found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The paths and messages of what is wrong, with a better one where the cause is seen in the file."""
    known: list[Entry] = []
    better = []
    for path, message in found:
        if message != _MISSING or not path.endswith(_COMPONENT):
            better.append((path, message))
            continue
        node = path.removesuffix(_COMPONENT)
        if any(other.startswith(f"{node}.") and other != path for other, _ in found):
            continue  # the node's other complaint is the cause of this one
        known = known or own_entries(file)
        better += _causes(node, [entry for entry in known if ".".join(entry.path[:-1]) == node]) or [(path, message)]
    return better


def _causes(node: str, fields: list[Entry]) -> list[tuple[str, str]]:
    causes = []
    for entry in fields:
        name = entry.path[-1]
        if name not in _FIELDS:
            meant = difflib.get_close_matches(name, _FIELDS, 1)
            causes.append((f"{node}.{name}", f"Unknown field{f': is {meant[0]} meant?' if meant else '.'}"))
        elif name == "code" and _is_missing(entry):
            causes.append((f"{node}.{name}", f"there is no file or folder {entry.text}"))
    return causes


def _is_missing(entry: Entry) -> bool:
    text = entry.text or ""
    if not text or "\n" in text or "://" in text or text.startswith(("azureml:", "git+")):
        return False
    return not Path(os.path.normpath(Path(entry.key.file).parent / text)).exists()

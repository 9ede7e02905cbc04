"""YAML files of the caller's: read with an error that names the file and the line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mlops_actions.errors import ActionError


def read(file: Path, what: str) -> dict[str, Any]:
    """The YAML mapping in `file`, which is a `what` (such as "compute").

    Raises ActionError if there is no such file, or it is not YAML, or not a mapping.
    """
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ActionError(f"there is no file {file} (the {what} definition)") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ActionError(f"{file} cannot be read: {error}", file=str(file)) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else None
        raise ActionError(f"{file} is not valid YAML: {error.problem}", file=str(file), line=line) from None
    except yaml.YAMLError as error:
        raise ActionError(f"{file} is not valid YAML: {' '.join(str(error).split())}", file=str(file)) from None
    if not isinstance(document, dict):
        raise ActionError(f"{file} is not a {what} definition: it holds no mapping", file=str(file), line=1)
    return document


def line_of(file: Path, path: str) -> int | None:
    """The line in which `file` has `path`, such as `jobs.train.component`, or as much of it as there is."""
    node = yaml.compose(file.read_text(encoding="utf-8"))
    line = None
    for part in path.split("."):
        entries = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((key, value) for key, value in entries if key.value == part), None)
        if found is None:
            break
        key, node = found
        line = key.start_mark.line + 1
    return line

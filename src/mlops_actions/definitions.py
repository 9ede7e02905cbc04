"""YAML files of the caller's: read with an error that names the file and the line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mlops_actions.diagnostics.locations import at_path, own_entries
from mlops_actions.errors import ActionError

_MOST_VALUES = 100_000


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
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise ActionError(f"{file} is not valid YAML: {error.problem}", str(file), line, column) from None
    except yaml.YAMLError as error:
        raise ActionError(f"{file} is not valid YAML: {' '.join(str(error).split())}", file=str(file)) from None
    if not isinstance(document, dict):
        raise ActionError(f"{file} is not a {what} definition: it holds no mapping", file=str(file), line=1)
    if _is_endless(document):
        text = f"{file} is not a {what} definition: its aliases stand for more than {_MOST_VALUES} values"
        raise ActionError(text, file=str(file), line=1)
    return document


def _is_endless(document: object) -> bool:
    """Whether aliases, of themselves or of others, make more of the document than anybody could work through."""
    values, left = [document], _MOST_VALUES
    while values:
        value = values.pop()
        if isinstance(value, dict | list):
            left -= len(value)
            values.extend(value.values() if isinstance(value, dict) else value)
        if left < 0:
            return True
    return False


def line_of(file: Path, path: str) -> int | None:
    """The line in which `file` has `path`, such as `jobs.train.component`, or as much of it as there is."""
    entry, _ = at_path(own_entries(file), path)
    return entry.key.line if entry is not None else None

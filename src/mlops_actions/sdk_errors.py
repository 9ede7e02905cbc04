"""What the Azure SDK's errors say, in one line, without the help texts, codes and JSON that they come in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from mlops_actions import definitions
from mlops_actions.errors import ActionError

_LIMIT = 600
_REPORT = re.compile(r"Validation for \w+ failed:\s*(?=\{)|(?=\{\s*\"result\": \"Failed\")")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_DETAILS = re.compile(r"Details:\s*(?:\(x\)\s*)?(.*?)\s*Resolutions:", re.DOTALL)
_HELP = re.compile(r"Visit this link|The easiest way to author|If you are trying to configure an entity")
# Of a reference that is neither of the things it may be, the SDK tells each: only the last is about what was meant.
_ALTERNATIVES = re.compile(r"In order to specify an existing .*?; (?=Anonymous|In order|\[|$)", re.DOTALL)
_INLINE = "Anonymous assets must be defined inline; "


def reason(error: BaseException) -> str:
    """Why the SDK or the service refused, in one line."""
    inner = getattr(error, "error", None)
    text = str(getattr(inner, "message", None) or getattr(error, "message", None) or error)
    text = _COLOUR.sub("", text) or type(error).__name__
    if details := _DETAILS.search(text):
        text = details[1]
    found = [f"{path}: {message}" if path else message for path, message in _validation_errors(text)]
    if found:
        text = "; ".join(dict.fromkeys(found))
    return " ".join(_HELP.split(text)[0].split())[:_LIMIT]


def in_definition(error: BaseException, file: Path, what: str) -> ActionError:
    """The error that the SDK does not take `file`, at the line that is to blame; `what` says what came of it."""
    paths = [path for path, _ in _validation_errors(str(error)) if path]
    line = definitions.line_of(file, paths[0]) if paths else None
    return ActionError(f"{file} {what}: {reason(error)}", file=str(file), line=line)


def _validation_errors(text: str) -> Iterator[tuple[str, str]]:
    """The path in the YAML and the message of each error in the SDK's JSON report."""
    begin = _REPORT.search(text)
    if begin is None:
        return
    try:
        report, _ = json.JSONDecoder().raw_decode(text, begin.end())
    except ValueError:
        return
    if "errors" not in report:
        yield from _flat(report, "")
        return
    for entry in report["errors"]:
        message = _ALTERNATIVES.sub("", str(entry.get("message"))).replace(_INLINE, "").strip("[]'")
        path = entry.get("path")
        yield "" if path in (None, "*") else str(path), " ".join(message.split())


def _flat(report: object, path: str) -> Iterator[tuple[str, str]]:
    """Marshmallow's own report: names to names, in the end to lists of messages."""
    if isinstance(report, dict):
        for name, inner in report.items():
            yield from _flat(inner, f"{path}.{name}".lstrip("."))
    else:
        messages = report if isinstance(report, list) else [report]
        yield path, " ".join(str(message) for message in messages)

"""What the Azure SDK's errors say, in one line, without the help texts, codes and JSON that they come in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from mlops_actions.diagnostics.fields import explained
from mlops_actions.diagnostics.search import location_of
from mlops_actions.errors import ActionError

_LIMIT = 600
_REPORT = re.compile(r"Validation for \w+ failed:\s*(?=\{)|(?=\{\s*\"result\": \"Failed\")")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_DETAILS = re.compile(r"Details:\s*(?:\(x\)\s*)?(.*?)\s*Resolutions:", re.DOTALL)
_HELP = re.compile(r"Visit this link|The easiest way to author|If you are trying to configure an entity")
# Of a reference that is neither of the things it may be, the SDK tells each: only the last is about what was meant.
_ALTERNATIVES = re.compile(r"In order to specify an existing .*?; (?=Anonymous|In order|\[|$)", re.DOTALL)
_LAST_ALTERNATIVE = re.compile(r"(?<=\S);? *In order to specify an? .*", re.DOTALL)
_INTERNAL = re.compile(r"\['TypeError: .*?'\];? ?", re.DOTALL)
# Of an answer of the service's the SDK tells the code and the message twice.
_TWICE = re.compile(r"^\((?P<code>\w+)\) (?P<said>.*?)\s+Code: (?P=code)\s+Message: .*", re.DOTALL)
_WITHIN_THE_WORKSPACE = re.compile(
    r"/subscriptions/[^/\s]+/resourceGroups/[^/\s]+/\S+?/workspaces/[^/\s]+/", re.IGNORECASE
)
_INLINE = "Anonymous assets must be defined inline; "


def reason(error: BaseException) -> str:
    """Why the SDK or the service refused, in one line."""
    text = _text(error)
    found = [f"{path}: {message}" if path else message for path, message in _validation_errors(error, text)]
    if found:
        text = "; ".join(dict.fromkeys(found))
    text = _WITHIN_THE_WORKSPACE.sub("", _HELP.split(text)[0])
    return " ".join(text.split())[:_LIMIT]


def in_definition(error: BaseException, file: Path, what: str) -> ActionError:
    """The error that the SDK or the service does not take `file`, at the line that is to blame.

    `what` says what came of it. What is wrong in other lines is told with it.
    """
    found = explained(file, list(dict.fromkeys(_validation_errors(error, _text(error))))) or [("", reason(error))]
    told: dict[tuple[str, int | None], ActionError] = {}
    for path, message in found:
        said = reason(ValueError(f"{path}: {message}" if path else message))
        one = blamed(f"{file} {what}: {said}", file, message, path)
        place = (one.file or "", one.line)
        if place in told:  # one line, one error
            one = ActionError(f"{told[place]}; {said}"[: _LIMIT + len(str(file))], one.file, one.line, one.column)
        told[place] = one
    first, *others = told.values()
    return ActionError(str(first), first.file, first.line, first.column, tuple(others))


def blamed(text: str, file: Path, said: str, path: str = "") -> ActionError:
    """An error with `text`, at the place in `file` or what it refers to that `said` names, `path` if it is given."""
    place = location_of(file, said, path)
    if place is None:
        return ActionError(text, file=str(file))
    return ActionError(text, file=place.file, line=place.line, column=place.column)


def _text(error: BaseException) -> str:
    inner = getattr(error, "error", None)
    text = str(getattr(inner, "message", None) or getattr(error, "message", None) or error)
    text = _COLOUR.sub("", text) or type(error).__name__
    details = _DETAILS.search(text)
    return details[1] if details else text


def _validation_errors(error: BaseException, text: str) -> Iterator[tuple[str, str]]:
    """The path in the YAML and the message of each error in the SDK's JSON report, or in marshmallow's own."""
    begin = _REPORT.search(text)
    if begin is None:
        if isinstance(messages := getattr(error, "messages", None), dict):
            yield from _flat(messages, "")
        return
    try:
        report, _ = json.JSONDecoder().raw_decode(text, begin.end())
    except ValueError:
        return
    if "errors" not in report:
        yield from _flat(report, "")
        return
    for entry in report["errors"]:
        path = entry.get("path")
        yield "" if path in (None, "*") else str(path), _cleaned(str(entry.get("message")))


def _cleaned(message: str) -> str:
    text = _ALTERNATIVES.sub("", _TWICE.sub(r"\g<said>", message)).replace(_INLINE, "")
    text = _LAST_ALTERNATIVE.sub("", _INTERNAL.sub("", text)).strip("[]'; ")
    return " ".join(text.split())


def _flat(report: object, path: str) -> Iterator[tuple[str, str]]:
    """Marshmallow's own report: names to names, in the end to lists of messages."""
    if isinstance(report, dict):
        for name, inner in report.items():
            yield from _flat(inner, f"{path}.{name}".lstrip("."))
    else:
        messages = report if isinstance(report, list) else [report]
        yield path, " ".join(str(message) for message in messages)

"""An action's inputs as text: the JSON object INPUTS, lists with an item a line, and mappings with a pair a line."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence

from cyclopts import Token

from mlops_actions.errors import ActionError

# What YAML and runners end lines with, and not all that Unicode has for it, which may stand inside a value.
_LINE_END = re.compile(r"\r\n|\r|\n")
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")
"""How Python reads bytes that are no UTF-8; JSON may have them, too."""


def taken() -> str | None:
    """The JSON object INPUTS, which no program that is started from here on can read: it has all the secrets.

    Runners other than GitHub's set each input of a composite action as a variable INPUT_<NAME> too.
    """
    for name in [name for name in os.environ if name.startswith("INPUT_")]:
        del os.environ[name]
    return os.environ.pop("INPUTS", None)


def flags_of(inputs: str) -> list[str]:
    """The flags that say what the JSON object `inputs` says. Raises ActionError if it is none of strings."""
    try:
        given = json.loads(inputs)
    except ValueError as error:
        raise ActionError(f"INPUTS is not JSON: {error}") from error
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise ActionError("INPUTS is not a JSON object of strings")
    for name, value in given.items():
        if "\0" in value:
            raise ActionError(f"{name} has a NUL character in it, which no path, name or text can have")
        if _HALF_A_PAIR.search(value):
            raise ActionError(f"{name} is not text in UTF-8")
    # A flag and its value are one argument, so that a value may begin with a dash.
    # YAML's block scalars end in a line break that nobody means.
    lines = {name: value.rstrip("\r\n") for name, value in given.items()}
    return [f"--{name}={value}" for name, value in lines.items() if value]


def lines(_: object, tokens: Sequence[Token]) -> tuple[str, ...]:
    """One item a line."""
    found = (line.strip() for token in tokens for line in _LINE_END.split(token.value))
    return tuple(line for line in found if line)


def pairs(_: object, tokens: Sequence[Token]) -> dict[str, str]:
    """One `key=value` a line; or a JSON object, in whose values anything is safe, and where an empty one is not given.

    Raises ValueError for a line that is no pair.
    """
    found = {}
    for token in tokens:
        if token.value.lstrip().startswith("{"):
            found.update(_object(token.value))
            continue
        for line in lines(None, [token]):
            key, separator, value = line.partition("=")
            if not separator or not key.strip():
                raise ValueError(f"'{line}' is not key=value")
            found[key.strip()] = value.strip()
    return found


def _object(text: str) -> dict[str, str]:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise ValueError(f"it begins with {{ and is not JSON: {error}") from None
    if not all(isinstance(value, str) for value in given.values()):
        raise ValueError("it is JSON, but not an object of strings")
    return {name: value for name, value in given.items() if value}

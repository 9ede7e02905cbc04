"""What the operating system takes as a file's name, an argument and an environment variable.

Inputs and outputs are folders of their run by their names, so a name must not lead out of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..errors import bad_request

_PORT = re.compile(r"\w[\w.-]{0,254}")


def check_ports(names: Iterable[str], where: str) -> None:
    """Raise ServiceError (400) for a name that no input or output can have."""
    for name in names:
        if not _PORT.fullmatch(name):
            raise bad_request(
                f"{where}: {name!r} is no name of an input or output: letters, digits, '_', '-' and '.', 255 at most, "
                "the first a letter, a digit or '_'",
                "ValidationError",
            )


def check_text(value: str, where: str) -> None:
    """Raise ServiceError (400) for a text that no argument of a program can be."""
    if "\0" in value:
        raise bad_request(f"{where} has a null character in it, which no program can be given", "ValidationError")


def check_variables(variables: Mapping[str, str], where: str) -> None:
    """Raise ServiceError (400) for environment variables that no program can be given."""
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name:
            raise bad_request(f"{where}: {name!r} is no name of an environment variable", "ValidationError")
        check_text(value, f"{where}, environment variable {name}")

"""The variables in .env, by which a laptop says what the workflow's variables and secrets say on a runner.

What the environment has already wins over the file.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from mlops_actions.errors import ActionError

FILE = Path(".env")


def load(file: Path = FILE) -> None:
    """Set the variables of the file that the environment has not; nothing if there is no file. Raises ActionError."""
    for name, value in read(file).items():
        os.environ.setdefault(name, value)


def read(file: Path = FILE) -> dict[str, str]:
    """The variables that the file sets; a name that is given no value, or an empty one, is not set.

    Raises ActionError, with the line, for a file that is none; what stands there may be a secret, and is not told.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise ActionError(f"{file} cannot be read: {why}", file=str(file)) from None
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            line = binding.original.line + _blank_lines(binding.original.string)
            told = f"{file}, line {line} is not NAME=value (a value with quotes, spaces or # stands in single quotes)"
            raise ActionError(told, file=str(file), line=line)
    values = dotenv_values(stream=io.StringIO(text))
    return {name: value for name, value in values.items() if value}


def _blank_lines(text: str) -> int:
    """How many line breaks come before the first character that counts."""
    return text[: len(text) - len(text.lstrip())].count("\n")

"""What `mlops` says of its commands: which there are, and which one may be meant by a name that is none."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def usage(lists: Mapping[str, Mapping[str, Callable[..., Any]]]) -> str:
    """The help: under each heading its commands, with the first line of what their functions say of themselves."""
    lines = ["usage: mlops COMMAND [--FLAG=VALUE ...]"]
    width = max(len(command) for commands in lists.values() for command in commands)
    for heading, commands in lists.items():
        lines += ["", f"{heading}:"]
        lines += [f"  {command:{width}}  {_first_line(function)}" for command, function in commands.items()]
    lines += ["", "`mlops COMMAND --help` describes its flags. Variables are read from .env, see .env.example."]
    return "\n".join(lines)


def _first_line(function: Callable[..., Any]) -> str:
    return (function.__doc__ or "").strip().partition("\n")[0]


def split(arguments: Sequence[str], known: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The command, which may be of two words, and the flags after it."""
    two = " ".join(arguments[:2])
    if two in known or (len(arguments) > 1 and not arguments[1].startswith("-") and _begins(arguments[0], known)):
        return two, arguments[2:]
    return arguments[0], arguments[1:]


def _begins(word: str, known: Sequence[str]) -> bool:
    return any(command.startswith(f"{word} ") for command in known)


def unknown(command: str, known: Sequence[str]) -> str:
    """The error that there is no such command, with the nearest that there is."""
    if _begins(command, known):
        of = ", ".join(name for name in known if name.startswith(f"{command} "))
        return f"mlops {command} needs one word more: {of}"
    nearest = difflib.get_close_matches(command, known, n=1)
    meant = f"did you mean '{nearest[0]}'? There are" if nearest else "there are"
    return f"mlops has no command '{command}': {meant} {', '.join(known)}"

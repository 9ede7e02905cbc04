"""What GitHub's runner makes of what a step prints and writes, by the rules of actions/runner.

Commands: https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs and ActionCommandManager.cs.
Outputs: https://github.com/actions/runner/blob/main/src/Runner.Worker/FileCommandManager.cs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

COMMANDS = frozenset(
    {
        *("internal-set-repo-path", "set-env", "set-output", "save-state", "add-mask", "add-path", "add-matcher"),
        *("remove-matcher", "debug", "warning", "error", "notice", "group", "endgroup", "echo", "stop-commands"),
    }
)


@dataclass(frozen=True)
class Command:
    """A workflow command that the runner obeys."""

    name: str
    properties: str
    data: str


def commands_in(log: str) -> Iterator[Command]:
    """The commands that the runner obeys when a step prints `log`; lines end as .NET's StreamReader ends them."""
    token: str | None = None
    for line in re.split(r"\r\n|\r|\n", log):
        found = _command(line, COMMANDS if token is None else frozenset({token}))
        if found is None:
            continue
        if token is not None:
            token = None
        elif found.name == "stop-commands":
            token = found.data
        else:
            yield found
    assert token is None, "the commands are stopped for good"


def _command(line: str, registered: frozenset[str]) -> Command | None:
    text = line.lstrip()
    if text.startswith("::") and (end := text.find("::", 2)) >= 0:
        name, _, properties = text[2:end].partition(" ")
        if name in registered:
            return Command(name, properties, _unescaped(text[end + 2 :]))
    if (begin := line.find("##[")) >= 0 and (end := line.find("]", begin)) >= 0:
        name, _, properties = line[begin + 3 : end].partition(" ")
        if name in registered:
            return Command(name, properties, _unescaped(line[end + 1 :]))
    return None


def _unescaped(text: str) -> str:
    for escape, character in (("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(escape, character)
    return text


def outputs_in(text: str) -> dict[str, str]:
    """The outputs in the file GITHUB_OUTPUT."""
    outputs: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, assigned, rest = line.partition("=")
        if assigned and "<<" not in name:
            outputs[name] = rest
            continue
        name, _, delimiter = line.partition("<<")
        assert name, f"no name: {line}"
        assert delimiter, f"no delimiter: {line}"
        value: list[str] = []
        for content in lines:
            if content == delimiter:
                break
            value.append(content)
        else:
            raise AssertionError(f"the output {name} does not end")
        outputs[name] = "\n".join(value)
    return outputs

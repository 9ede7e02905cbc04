"""Reads a Dockerfile: its instructions, as https://docs.docker.com/reference/dockerfile defines them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .definition import UnusableEnvironment

_WORD = re.compile(r"(?P<name>[A-Za-z]+)(?:\s+(?P<rest>.*))?", re.DOTALL)
_VARIABLE = re.compile(r"\\\$|\$(?:\{(?P<braced>\w+)(?::(?P<how>[-+])(?P<other>[^}]*))?\}|(?P<plain>\w+))")
_FROM = re.compile(r"(?:--platform=\S+\s+)?(?P<image>\S+)(?:\s+as\s+(?P<name>\S+))?$", re.IGNORECASE)
_PAIR = re.compile(r"""(?P<name>\w+)=(?P<value>"(?:\\.|[^"])*"|'[^']*'|(?:\\.|\S)*)""")


@dataclass(frozen=True)
class Instruction:
    """One instruction: its name in upper case, and what follows it, on one line."""

    name: str
    rest: str


@dataclass(frozen=True)
class Stage:
    """A stage of a build: the image (or the earlier stage) that it begins with, its name, and its instructions.

    `arguments` are the values of the ARGs before the first FROM, which a stage sees if it declares them.
    """

    image: str
    name: str | None
    instructions: tuple[Instruction, ...]
    arguments: Mapping[str, str]


def instructions(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile. Raises UnusableEnvironment for what is none."""
    found, rest = [], ""
    escape = "`" if re.match(r"^#\s*escape\s*=\s*`", text, re.IGNORECASE) else "\\"
    for line in text.splitlines():
        if line.lstrip().startswith("#") or (rest and not line.strip()):
            continue  # Comments are no part of an instruction, not even in the middle of one.
        if line.rstrip().endswith(escape):
            rest += line.rstrip()[: -len(escape)] + " "
            continue
        if (rest + line).strip():
            found.append(_instruction((rest + line).strip()))
        rest = ""
    if rest.strip():
        found.append(_instruction(rest.strip()))
    return found


def _instruction(line: str) -> Instruction:
    match = _WORD.fullmatch(line)
    if match is None:
        raise UnusableEnvironment(f"the Dockerfile has a line that is no instruction: {line[:100]!r}")
    return Instruction(match["name"].upper(), (match["rest"] or "").strip())


def stages(text: str) -> list[Stage]:
    """The stages of a Dockerfile, in order. Raises UnusableEnvironment for a Dockerfile that has none."""
    arguments: dict[str, str] = {}
    found: list[tuple[str, str | None, list[Instruction]]] = []
    for one in instructions(text):
        if one.name == "FROM":
            match = _FROM.fullmatch(expand(one.rest, arguments))
            if match is None:
                raise UnusableEnvironment(f"the Dockerfile has a FROM that names no image: {one.rest!r}")
            found.append((match["image"], match["name"], []))
        elif found:
            found[-1][2].append(one)
        elif one.name == "ARG":
            arguments |= declared(one.rest, arguments)
        else:
            raise UnusableEnvironment(f"the Dockerfile begins with {one.name}, not with FROM")
    if not found:
        raise UnusableEnvironment("the Dockerfile has no FROM")
    return [Stage(image, name, tuple(body), arguments) for image, name, body in found]


def last(all_stages: list[Stage]) -> Stage:
    """The stage that is the image, together with those that it is built on: `image` is not a stage any more."""
    stage = all_stages[-1]
    body = stage.instructions
    while earlier := next((one for one in all_stages if one.name and one.name.lower() == stage.image.lower()), None):
        if earlier is stage:
            raise UnusableEnvironment(f"the Dockerfile's stage {stage.name} is built on itself")
        stage, body = earlier, (*earlier.instructions, *body)
        all_stages = all_stages[: all_stages.index(stage)]
    return Stage(stage.image, None, body, stage.arguments)


def bases(text: str) -> list[str]:
    """The images that a build needs before it begins. Raises UnusableEnvironment."""
    found, names = [], set[str]()
    for stage in stages(text):
        if stage.image.lower() not in {*names, "scratch"} and stage.image not in found:
            found.append(stage.image)
        if stage.name:
            names.add(stage.name.lower())
    return found


def declared(rest: str, known: Mapping[str, str]) -> dict[str, str]:
    """The variables of an ARG or ENV instruction; an ARG without a value has none here."""
    pairs = list(_PAIR.finditer(rest))
    if pairs:
        return {one["name"]: expand(unquoted(one["value"]), known) for one in pairs}
    name, _, value = rest.partition(" ")
    return {name: expand(unquoted(value.strip()), known)} if value.strip() else {}


def unquoted(value: str) -> str:
    """A value without the quotes around it."""
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else re.sub(r"\\(.)", r"\1", value)


def expand(text: str, known: Mapping[str, str]) -> str:
    """The text with `$name`, `${name}` and `${name:-other}` replaced; variables that are not known are empty."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "\\$":
            return "$"
        found = known.get(match["braced"] or match["plain"], "")
        if match["how"] == "-":
            return found or str(match["other"])
        return (str(match["other"]) if found else "") if match["how"] == "+" else found

    return _VARIABLE.sub(value, text)

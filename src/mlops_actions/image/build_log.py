"""Reads the output of `docker build`, BuildKit's or the old one's, to say in one line why a build failed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# BuildKit, --progress=plain:   #7 [stage-1 3/3] RUN make     #7 1.234 make: error     #7 ERROR: … exit code: 2
_VERTEX = re.compile(r"#(?P<vertex>\d+) (?P<text>.*)")
_NAMED = re.compile(r"\[(?P<place>[^\]]+)\] (?P<step>.+)")
_TIMED = re.compile(r"\d+\.\d+ (?P<said>.*)")
# The builder before it:        Step 3/6 : RUN make           make: error              The command '…' returned …
_STEP = re.compile(r"Step \d+/\d+ : (?P<step>.+)")
_METADATA = re.compile(r"^load metadata for (?:docker\.io/library/|docker\.io/)?")
_BOOKKEEPING = re.compile(r"---> |View build details: |Removing intermediate container |DEPRECATED: |-{6}$")
_EXIT_STATUS = re.compile(r"(?:exit code: |returned a non-zero code: )(?P<status>\d+)")
_PARSE_ERROR = re.compile(r"dockerfile parse error (?:on )?line (?P<line>\d+): (?P<what>.+)", re.IGNORECASE)
# What the frontend puts before the cause.
_WRAPPERS = re.compile(
    r"^(?:error: |error response from daemon: |failed to solve(?: with frontend [\w.]+)?: "
    r"|failed to create LLB definition: |failed to compute cache key: |failed to calculate checksum of ref \S+: )+",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class BuildFailure:
    """Why a build failed, and the line of the Dockerfile that is to blame, if it is known."""

    reason: str
    line: int | None


@dataclass
class BuildLog:
    """What of the output matters if the build fails."""

    _steps: dict[str, str] = field(default_factory=dict)
    """BuildKit: the instruction of each vertex of its graph; some run side by side."""
    _said: dict[str, str] = field(default_factory=dict)
    """BuildKit: the last line that each one printed."""
    _failed: str | None = None
    _step: str = ""
    _before_final: str = ""
    _final: str = ""

    def add(self, raw: str) -> None:
        """Take in the next line."""
        line = _ESCAPES.sub("", raw).strip()
        if (vertex := _VERTEX.match(line)) is not None:
            self._add_vertex(vertex["vertex"], vertex["text"])
        elif (step := _STEP.match(line)) is not None:
            self._step, self._before_final, self._final = step["step"], "", ""
        elif line and not _BOOKKEEPING.match(line):
            self._before_final, self._final = self._final, line

    def _add_vertex(self, vertex: str, text: str) -> None:
        if (named := _NAMED.match(text)) is not None:
            self._steps.setdefault(vertex, _METADATA.sub("FROM ", named["step"]))
        elif (timed := _TIMED.match(text)) is not None:
            if timed["said"].strip():
                self._said[vertex] = timed["said"].strip()
        elif text.startswith("ERROR: "):
            self._failed = vertex

    def failure(self, dockerfile: Path) -> BuildFailure:
        """Why the build failed, given that it did."""
        cause = _WRAPPERS.sub("", self._final)
        if (parse := _PARSE_ERROR.search(cause)) is not None:
            return BuildFailure(parse["what"], int(parse["line"]))
        if self._failed is None:
            step, said = self._step, self._before_final
        else:
            step, said = self._steps.get(self._failed, ""), self._said.get(self._failed, "")
        if (status := _EXIT_STATUS.search(cause)) is not None:
            cause = ": ".join(part for part in (f"exit status {status['status']}", said) if part)
        reason = f"`{_shortened(step)}` failed: {cause}" if step else cause
        return BuildFailure(reason, _line_of(step, dockerfile) if step else None)


def _shortened(step: str, maximum: int = 100) -> str:
    text = " ".join(step.split())
    return text if len(text) <= maximum else f"{text[:maximum]}…"


def _line_of(step: str, dockerfile: Path) -> int | None:
    """Where the Dockerfile has this instruction, which builders print with its lines joined."""
    wanted = " ".join(step.split())
    instruction, first = "", 0
    for number, line in enumerate(dockerfile.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        if line.lstrip().startswith("#"):  # a comment, which may stand inside an instruction
            continue
        first = first if instruction else number
        instruction += line.rstrip().removesuffix("\\")
        if line.rstrip().endswith("\\"):
            continue
        # BuildKit leaves the name of a stage out: FROM python AS build.
        if " ".join(instruction.split()).startswith(wanted):
            return first
        instruction = ""
    return None

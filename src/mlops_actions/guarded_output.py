"""What a command prints: no text in it is a command to the runner, controls a terminal, or tells a secret.

All that a process prints goes through here, the lines of libraries too: names come from services and repositories, and
a runner reads commands in standard output and in standard error alike.
"""

from __future__ import annotations

import io
import re
import sys
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO, cast

from mlops_actions import masking

_END = re.compile(r"(\r\n|\r|\n)")
# Colours are fine. Cursor movements, window titles and the clipboard are not.
_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")
_HIDDEN_BUT_FINE = "\t\n\r\u200c\u200d"
"""Joiners are part of words in Persian and Hindi, and of emoji."""


def visible(text: str) -> str:
    """The text with Python's escapes for control characters, and for those that hide others or turn them round."""
    return "".join(map(_visible, text)) if not (text.isascii() and text.isprintable()) else text


def _visible(character: str) -> str:
    hidden = unicodedata.category(character) in {"Cc", "Cf", "Cs"} and character not in _HIDDEN_BUT_FINE
    return character.encode("unicode_escape", "surrogatepass").decode() if hidden else character


def harmless(line: str) -> str:
    """A line of a log as it may be shown: with its colours, and without secrets and all other control characters."""
    parts = _COLOUR.split(masking.without_secrets(line))
    return "".join(part if number % 2 else visible(part) for number, part in enumerate(parts))


def no_command(line: str) -> str:
    """The line, changed if a runner would take it for a command.

    `::` begins one at the beginning of a line, and the older `##[` anywhere:
    https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
    """
    line = line.replace("##[", "#\\#[")
    stripped = line.lstrip()
    if not stripped.startswith("::"):
        return line
    return f"{line[: len(line) - len(stripped)]}\\{stripped}"


class GuardedStream(io.TextIOBase):
    """A stream for text that may hold anything. `command` is for what is meant for the runner."""

    def __init__(self, stream: TextIO, *, runner: bool) -> None:
        super().__init__()
        self._stream = stream
        self._runner = runner
        self._lock = threading.RLock()
        self._begun = ""
        self.stopped = False

    def write(self, text: str) -> int:
        """Take text in, and hand on the lines that are complete."""
        with self._lock:
            *parts, self._begun = _END.split(self._begun + text)
            for line, end in zip(parts[::2], parts[1::2], strict=True):
                self._hand_on(line, end)
        return len(text)

    def command(self, text: str) -> None:
        """Write a line that the runner is to obey."""
        with self._lock:
            self.finish()
            self._stream.write(f"{text}\n")
            self._stream.flush()

    def finish(self) -> None:
        """Hand on a line that has no end."""
        with self._lock:
            if self._begun:
                begun, self._begun = self._begun, ""
                self._hand_on(begun, "\n")

    def flush(self) -> None:
        """Flush the lines that are complete."""
        self._stream.flush()

    def writable(self) -> bool:
        """It is."""
        return True

    def isatty(self) -> bool:
        """Whether the stream behind it is a terminal."""
        return not self._stream.closed and self._stream.isatty()

    def fileno(self) -> int:
        """The file behind it, for those who do not write text."""
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # not ours to set
        """That of the stream behind it."""
        return self._stream.encoding

    def _hand_on(self, line: str, end: str) -> None:
        text = harmless(line)
        if self._runner and not self.stopped:
            text = no_command(text)
        encoding = self._stream.encoding or "utf-8"
        self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + end)


_guards: list[GuardedStream] = []


def guard_of_stdout() -> GuardedStream | None:
    """The guard of standard output, if it has one: also when a library, as the SDK's colorama, has wrapped it."""
    return _guards[-1] if _guards else sys.stdout if isinstance(sys.stdout, GuardedStream) else None


@contextmanager
def guarded_output(*, runner: bool) -> Iterator[None]:
    """Guard what the block prints; for a `runner` also what it would obey."""
    former = sys.stdout, sys.stderr
    guards = [GuardedStream(stream, runner=runner) for stream in former]
    sys.stdout, sys.stderr = (cast(TextIO, guard) for guard in guards)
    _guards.append(guards[0])
    try:
        yield
    finally:
        _guards.pop()
        sys.stdout, sys.stderr = former
        for guard in guards:
            guard.finish()
            guard.flush()

"""Looks for secrets where none may be: in texts and files, in any encoding, and in what runs while a test does."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

_SHORTEST = 8


def forms_of(secret: str) -> set[bytes]:
    """The secret as it is, and as base64 (wherever it begins in a group of three bytes), URLs and JSON have it.

    Written anew here, so that a mistake of the masks is not repeated.
    """
    lines = {line.strip() for line in secret.splitlines() if len(line.strip()) >= _SHORTEST}
    found: set[bytes] = set()
    for text in {secret, *lines}:
        found |= {text.encode(), quote(text, safe="").encode(), quote_plus(text).encode(), quote(text).encode()}
        found |= {json.dumps(text)[1:-1].encode()}
        for before in range(3):
            for encode in (base64.b64encode, base64.urlsafe_b64encode):
                # Three more bytes at each end make the middle the same whatever stands there.
                found.add(encode(b"x" * before + text.encode() + b"xxx").rstrip(b"=")[before and before + 1 : -6])
    return {form for form in found if len(form) >= _SHORTEST}


def in_text(text: str | bytes, secrets: Mapping[str, str]) -> list[str]:
    """The names of the secrets that are in the text in any form."""
    content = text.encode(errors="surrogateescape") if isinstance(text, str) else text
    return [name for name, secret in secrets.items() if any(form in content for form in forms_of(secret))]


def in_files(folder: Path, secrets: Mapping[str, str], *, but: Collection[str] = ()) -> list[str]:
    """Where in a folder secrets are, in files' names and contents; folders and files called like one of `but` not."""
    found = []
    for at, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in but]
        for name in names:
            file = Path(at, name)
            if name in but or not file.is_file() or file.is_symlink():
                continue
            try:
                content = file.read_bytes()
            except FileNotFoundError:
                continue  # it went meanwhile
            found += [f"{secret} in {file}" for secret in in_text(str(file).encode() + b"\0" + content, secrets)]
    return found


@dataclass
class Watch:
    """Watches all processes of this machine, from the beginning of a block to its end.

    No secret may be in the arguments of any of them; in the environment only of programs called as in
    `allowed_environment` (by the name of the program, or of the script that an interpreter runs), and of what those
    in `allowed_to_start` have started, unless that is again one of the former.
    """

    secrets: Mapping[str, str]
    allowed_environment: Collection[str] = ()
    allowed_to_start: Collection[str] = ()
    found: list[str] = field(default_factory=list)
    seen_programs: set[str] = field(default_factory=set)
    rounds: int = 0
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        self._forms = {name: forms_of(secret) for name, secret in self.secrets.items()}
        self._before = {process.name for process in _processes()}
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self.found = sorted(set(self.found))

    def _look(self) -> None:
        while not self._end.is_set():
            self.rounds += 1
            for process in _processes():
                if process.name not in self._before:
                    self._look_at(process)
            self._end.wait(0.01)

    def _look_at(self, process: Path) -> None:
        try:
            arguments = (process / "cmdline").read_bytes()
            environment = (process / "environ").read_bytes()
        except OSError:
            return  # it ended
        if not arguments:
            return  # it is about to become another program, or has ended
        parts = [part.decode(errors="replace") for part in arguments.split(b"\0")]
        names = _names(parts)
        self.seen_programs |= names
        shown = " ".join(part[:40] for part in parts[:3])
        for name, forms in self._forms.items():
            if any(form in arguments for form in forms):
                self.found.append(f"{name} in the arguments of {shown}")
            if any(form in environment for form in forms) and self._must_not_know(process, names):
                self.found.append(f"{name} in the environment of {shown}")

    def _must_not_know(self, process: Path, names: set[str]) -> bool:
        if names & {*self.allowed_environment}:
            return False
        parent = _parent(process)
        while parent is not None and parent.name != str(os.getpid()):
            above = _names(_arguments(parent))
            if above & {*self.allowed_to_start}:
                return False
            if above & {*self.allowed_environment} and "bash" not in above:
                return True
            parent = _parent(parent)
        if parent is not None:
            return True
        # Who started it has ended, as in a pipe of a shell script; or it is a daemon's, and goes on.
        time.sleep(0.05)
        return _arguments(process) != []


def _names(arguments: list[str]) -> set[str]:
    """The names of the program, and of the script that it may be an interpreter of."""
    return {Path(part).name for part in arguments[:2]}


def _arguments(process: Path) -> list[str]:
    try:
        return [part.decode(errors="replace") for part in (process / "cmdline").read_bytes().split(b"\0")]
    except OSError:
        return []


def _parent(process: Path) -> Path | None:
    try:
        # The name, in parentheses, may have anything in it.
        number = (process / "stat").read_text().rpartition(")")[2].split()[1]
    except OSError:
        return None
    return None if number in {"0", "1"} else process.parent / number


def _processes() -> Iterator[Path]:
    return (entry for entry in Path("/proc").iterdir() if entry.name.isdecimal())

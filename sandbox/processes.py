"""Background programs that outlive the command that started them, and are ended by that very id.

A process id alone may be reused by another program, so each one is written down with the time it began
(field 22 of /proc/PID/stat, in clock ticks since boot): the two together name one process for good.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class SandboxError(Exception):
    """Something that the sandbox needs is missing or did not start; the text is one line for a person."""


def began_at(pid: int) -> str | None:
    """When the live process `pid` began, in clock ticks since boot; None for a dead one or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in {"Z", "X"} else fields[19]


def proportional_set_size(pid: int) -> int:
    """Resident bytes of a process, pages that it shares being divided among those that share them (proc(5)).

    Raises FileNotFoundError or ProcessLookupError if it has ended.
    """
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(f"process {pid} has no memory")


def wait_for(what: str, ready: Callable[[], bool], *, seconds: float, interval: float = 0.1) -> None:
    """Poll `ready` until it is true; raise SandboxError naming `what` once `seconds` are over."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise SandboxError(f"gave up after {seconds:.0f} s waiting for {what}")
        time.sleep(interval)


def kill(what: str, pids: Collection[int]) -> None:
    """Kill these processes and wait until they are gone; a zombie counts as gone, whenever it is reaped."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_for(f"{what} to end", lambda: all(began_at(pid) is None for pid in pids), seconds=20)


@dataclass(frozen=True)
class Daemon:
    """A program in a session of its own; `<folder>/pid/<name>` names it, `<folder>/log/<name>.log` has its output."""

    name: str
    folder: Path

    @property
    def log(self) -> Path:
        """Where what it prints goes."""
        return self.folder / "log" / f"{self.name}.log"

    @property
    def _pidfile(self) -> Path:
        return self.folder / "pid" / self.name

    def pid(self) -> int | None:
        """Its process id if it still runs."""
        try:
            pid, began = self._pidfile.read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if began_at(int(pid)) == began else None

    def start(self, argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> None:
        """Start it unless it runs already. `env` replaces the environment as in `subprocess.Popen`."""
        if self.pid() is not None:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._pidfile.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [str(a) for a in argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=None if env is None else dict(env),
                start_new_session=True,
            )
        self._pidfile.write_text(f"{process.pid} {began_at(process.pid)}")

    def stop(self, *, seconds: float = 10) -> None:
        """End it (SIGTERM, then SIGKILL after `seconds`) and forget its id; nothing happens if it does not run."""
        if (pid := self.pid()) is not None:
            os.kill(pid, signal.SIGTERM)
            try:
                wait_for(f"{self.name} to end", lambda: self.pid() is None, seconds=seconds, interval=0.05)
            except SandboxError:
                os.kill(pid, signal.SIGKILL)
                wait_for(f"{self.name} to end", lambda: self.pid() is None, seconds=seconds, interval=0.05)
        self._pidfile.unlink(missing_ok=True)

    def last_lines(self, count: int = 5) -> str:
        """The end of its log, to say why it did not start."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:]) if self.log.exists() else ""

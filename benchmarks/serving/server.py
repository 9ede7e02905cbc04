"""A contender that runs: started in a session of its own, waited for, measured by the kernel's figures, and ended."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox.processes import proportional_set_size

from ..report import BenchmarkError
from .contenders import Contender
from .environments import python_of
from .photos import Forms

_START_SECONDS = 90
_IDLE_SECONDS = 60
_END_SECONDS = 10
_OK = 200


class Server:
    """A contender's processes."""

    def __init__(self, contender: Contender, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.contender = contender
        self.port = port
        self.url = f"http://127.0.0.1:{port}{contender.predict}"
        self.seconds_to_ready = 0.0
        self.seconds_to_first_prediction = 0.0
        self._process = process
        self._log = log

    def pids(self) -> list[int]:
        """All its processes: of its session, and those that these have begun in sessions of their own."""
        return [pid for pid, _ in self._stats()]

    def pss_megabytes(self) -> float:
        """Resident memory of all its processes, shared pages divided among those that share them; in 10^6 bytes."""
        held = 0
        for pid in self.pids():
            with suppress(FileNotFoundError, ProcessLookupError):
                held += proportional_set_size(pid)
        return held / 1e6

    def cpu_seconds(self) -> float:
        """CPU time of its processes so far."""
        ticks = sum(stat.ticks for _, stat in self._stats())
        return ticks / os.sysconf("SC_CLK_TCK")

    def ask(self, forms: Forms, number: int = 0) -> float:
        """Seconds until one photo is answered. Raises BenchmarkError for any status but 200."""
        body = (forms.folder / str(number)).read_bytes()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_IDLE_SECONDS)
        began = time.perf_counter()
        try:
            connection.request("POST", self.contender.predict, body, {"Content-Type": forms.content_type})
            answer = connection.getresponse()
            content = answer.read()
        except OSError as error:
            raise self._failure(f"broke a request: {error}") from error
        finally:
            connection.close()
        if answer.status != _OK:
            raise self._failure(f"answered {answer.status}: {content[:200].decode(errors='replace')}")
        return time.perf_counter() - began

    def wait_until_idle(self, *, but: float = 0.05) -> None:
        """Wait until it has done what clients that are gone left behind: no more than `but` CPU seconds in 0.2 s.

        Raises BenchmarkError if it goes on.
        """
        deadline = time.monotonic() + _IDLE_SECONDS
        used = self.cpu_seconds()
        while True:
            time.sleep(0.2)
            before, used = used, self.cpu_seconds()
            if used - before <= but:
                return
            if time.monotonic() > deadline:
                raise self._failure(f"still works {_IDLE_SECONDS} s after its clients are gone")

    def wait_until_ready(self, forms: Forms, began: float) -> None:
        """Wait until it says that it is ready, and for its first prediction, both in seconds since `began`."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._says_ready():
            if self._process.poll() is not None:
                raise self._failure(f"ended with {self._process.returncode} as it started")
            if time.monotonic() > deadline:
                raise self._failure(f"was not ready within {_START_SECONDS} s")
            time.sleep(0.005)
        self.seconds_to_ready = time.perf_counter() - began
        self.ask(forms)
        self.seconds_to_first_prediction = time.perf_counter() - began

    def end(self) -> None:
        """End all its processes."""
        # Noted beforehand: what outlives its parent could not be told from other processes later.
        mine = dict(self._stats())
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        deadline = time.monotonic() + _END_SECONDS
        # What it has not ended itself by then, it never will.
        while left := _still(mine):
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.poll()
            if time.monotonic() > deadline:
                raise BenchmarkError(f"{self.contender.name}: its processes {left} can't be ended")
            time.sleep(0.02)

    def _stats(self) -> list[tuple[int, _Stat]]:
        stats = dict(_processes())
        mine = {self._process.pid}
        while found := {
            pid for pid, stat in stats.items() if pid not in mine and (stat.parent in mine or stat.session in mine)
        }:
            mine |= found
        return [(pid, stat) for pid, stat in stats.items() if pid in mine]

    def _says_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", self.contender.ready)
            return connection.getresponse().status == _OK
        except OSError:
            return False
        finally:
            connection.close()

    def _failure(self, what: str) -> BenchmarkError:
        last = self._log.read_text(errors="replace").strip().splitlines()[-1:]
        return BenchmarkError(f"{self.contender.name} {what}: {''.join(last)} (its log is {self._log})")


@contextmanager
def running(contender: Contender, model: Path, forms: Forms, folder: Path) -> Iterator[Server]:
    """The contender, ready; its log and state are in `folder`. Raises BenchmarkError if it does not start."""
    ports = _free_ports(3)
    environment = contender.environment()
    state = folder / contender.key
    state.mkdir(parents=True, exist_ok=True)
    names = {
        "port": str(ports[0]),
        "port_2": str(ports[1]),
        "port_3": str(ports[2]),
        "bin": str(python_of(environment).parent),
        "state": str(state),
    }
    log = state / "log"
    with log.open("ab") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [part.format_map(names) for part in contender.command],
            cwd=contender.folder or state,
            env={
                **{name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ},
                "PATH": f"{names['bin']}:/usr/bin:/bin",
                "MODEL_PATH": str(model),
                "PYTHONDONTWRITEBYTECODE": "1",
                **{name: value.format_map(names) for name, value in contender.variables.items()},
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = Server(contender, process, ports[0], log)
    try:
        server.wait_until_ready(forms, began)
        yield server
    finally:
        server.end()


@dataclass(frozen=True)
class _Stat:
    """What /proc/PID/stat tells of a live process."""

    parent: int
    session: int
    ticks: int
    began: int


def _processes() -> Iterator[tuple[int, _Stat]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if fields[0] not in {"Z", "X"}:
                    yield (
                        int(entry.name),
                        _Stat(int(fields[1]), int(fields[3]), int(fields[11]) + int(fields[12]), int(fields[19])),
                    )


def _still(known: Mapping[int, _Stat]) -> list[int]:
    """Those of these processes that live on."""
    return [pid for pid, stat in _processes() if pid in known and stat.began == known[pid].began]


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()

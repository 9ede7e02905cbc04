"""The driver's side of a worker process: starts it, talks to it over two pipes in lines of JSON, and ends it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .batches import Batch
from .settings import Settings

_PROGRAM = str(Path(__file__).resolve().parents[1])
"""The folder that is run: it has this package, and the one for entry scripts beside it."""

VARIABLE = "AZUREML_EMULATOR_PARALLEL_WORKER"
"""Environment variable of a worker with what `EntryScript` tells, as JSON."""

_POLL_SECONDS = 1.0
_PIPE_TAKES = 4096  # Bytes that can be written to an empty pipe at once, on any system (POSIX asks for 512).


class Worker:
    """A worker process. It leads a process group of its own, so that what it starts ends with it."""

    def __init__(self, settings: Settings, settings_file: str, number: int) -> None:
        self.name = f"process{number:03d}"
        self.node = f"node{number % settings.instances}"
        self.batch: Batch | None = None
        self.attempts = 0
        self.ready = False
        self.items: int | None = None
        self.deadline = 0.0
        self.rows = Path(settings.scratch) / f"{self.name}.rows"
        self._spill = Path(settings.scratch) / f"{self.name}.batch"
        self._rest = b""
        orders, send = os.pipe()
        receive, answers = os.pipe()
        os.set_blocking(receive, False)
        self._send, self.fileno = send, receive
        stdout, stderr = (_log(kind, self.node, self.name) for kind in ("stdout", "stderr"))
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    _PROGRAM,
                    "worker",
                    settings_file,
                    self.name,
                    str(orders),
                    str(answers),
                    str(os.getpid()),
                ],
                env=_environment(settings, settings_file, self.name, self.node),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                pass_fds=(orders, answers),
                start_new_session=True,
            )
        finally:
            for one in (orders, answers, stdout, stderr):
                os.close(one)

    def give(self, batch: Batch, attempts: int) -> None:
        """Let it run a mini batch."""
        self.batch, self.attempts, self.items = batch, attempts, None
        order = json.dumps({"batch": asdict(batch)})
        if len(order) >= _PIPE_TAKES:
            # A long order could fill the pipe, and the driver would wait for a worker that hangs.
            self._spill.write_text(order, encoding="utf-8")
            order = json.dumps({"file": str(self._spill)})
        self._order(order)

    def finish(self) -> None:
        """Let it end by itself."""
        self._order(json.dumps({"end": True}))

    def _order(self, order: str) -> None:
        try:
            os.write(self._send, order.encode() + b"\n")
        except BrokenPipeError:
            return  # It has ended: whoever looks at it next will see that.

    def answers(self) -> list[dict[str, Any]]:
        """What it has said since the last call."""
        lines: list[bytes] = []
        while True:
            try:
                data = os.read(self.fileno, 1 << 16)
            except BlockingIOError:
                break
            if not data:
                self._silent()
                break
            *whole, self._rest = (self._rest + data).split(b"\n")
            lines.extend(whole)
        return [json.loads(line) for line in lines]

    def _silent(self) -> None:
        """It has closed its pipe: it is ending, or has no means left to answer."""
        try:
            self._process.wait(_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def ended(self) -> int | None:
        """Its exit code (negative: the signal that killed it), None while it runs."""
        return self._process.poll()

    def kill(self) -> None:
        """End it and what it started, now."""
        with contextlib.suppress(ProcessLookupError):  # Nothing of it is left.
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """Let go of its pipes and of the mini batch that was written down for it."""
        os.close(self._send)
        os.close(self.fileno)
        if self._spill.exists():
            self._spill.unlink()


def _log(kind: str, node: str, name: str) -> int:
    file = Path("logs") / "user" / kind / node / f"{name}.{kind}.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def _environment(settings: Settings, settings_file: str, name: str, node: str) -> Mapping[str, str]:
    told = {
        "agent_name": name,
        "log_dir": str(Path.cwd() / "logs" / "user" / "entry_script_log" / node),
        "working_dir": str(Path.cwd()),
        "output_dir": settings.output,
        "entry_script": settings.entry_script,
        "logging_level": settings.logging_level,
        "settings": settings_file,
    }
    return {
        **os.environ,
        # For the processes that an entry script starts.
        "PYTHONPATH": os.pathsep.join(filter(None, [_PROGRAM, os.environ.get("PYTHONPATH")])),
        "PYTHONUNBUFFERED": "1",
        "AZUREML_BI_OUTPUT_PATH": settings.output,
        VARIABLE: json.dumps(told),
    }

"""A worker of a parallel run: loads the entry script, calls `init` once, and `run` for each mini batch it is given."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import inspect
import json
import logging
import os
import signal
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

from .batches import Batch
from .frames import Reader
from .settings import Settings

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class UnusableScript(Exception):  # noqa: N818
    """The entry script has no `run`, or cannot be loaded."""


class MiniBatchContext:
    """What `run` may take as its second argument.

    Attributes:
        minibatch_index: the mini batch's place among all, from 0.
        partition_key_value: the partition's keys and values; empty unless the input is split by keys.

    """

    def __init__(self, batch: Batch) -> None:
        self.minibatch_index = batch.index
        self.partition_key_value = dict(batch.keys)

    def __repr__(self) -> str:
        return f"MiniBatchContext({self.minibatch_index}, {self.partition_key_value})"


class Worker:
    """One worker process: takes orders from one pipe and answers on another, in lines of JSON."""

    def __init__(self, settings: Settings, name: str, answers: BinaryIO) -> None:
        self._settings = settings
        self._answers = answers
        self._rows = (Path(settings.scratch) / f"{name}.rows").open("wb")
        self._reader: Reader | None = None

    def serve(self, orders: BinaryIO) -> int:
        """Work until told to end; the answer is the exit code."""
        try:
            script = load(self._settings.entry_script)
        except BaseException:
            self._say(unusable=traceback.format_exc())
            raise
        try:
            if hasattr(script, "init"):
                script.init()
        except BaseException:
            self._say(init=traceback.format_exc())
            raise
        self._say(ready=True)
        for line in orders:
            order = json.loads(line)
            if "end" in order:
                break
            if "file" in order:
                order = json.loads(Path(order["file"]).read_text(encoding="utf-8"))
            self._work(script, Batch(**order["batch"]))
        self._shut_down(script)
        return 0

    def _work(self, script: ModuleType, batch: Batch) -> None:
        try:
            content = self._content(batch)
            items = len(content)
            self._say(running=items)
            # A piece of a table may have no row that begins in it.
            result = call(script.run, content, MiniBatchContext(batch)) if items else []
            returned = count(result)
            start = self._rows.tell()
            if self._settings.rows_to is not None:
                write(result, self._rows)
        except Exception:  # noqa: BLE001 - whatever it is, it is the entry script's, and the driver is told
            self._say(failed=traceback.format_exc())
            return
        self._say(done={"items": items, "returned": returned, "start": start, "length": self._rows.tell() - start})

    def _content(self, batch: Batch) -> Any:
        if not batch.pieces or self._settings.table is None:
            return batch.files
        if self._reader is None:
            self._reader = Reader(self._settings.input, self._settings.table)
        return self._reader.frame(batch.pieces, batch.where)

    def _shut_down(self, script: ModuleType) -> None:
        try:
            if hasattr(script, "shutdown"):
                script.shutdown()
        except Exception:  # noqa: BLE001 - told to the driver; the mini batches are done all the same
            self._say(shutdown=traceback.format_exc())

    def _say(self, **answer: Any) -> None:
        self._rows.flush()  # The driver reads what it is told of.
        self._answers.write(json.dumps(answer).encode() + b"\n")
        self._answers.flush()


def load(entry_script: str) -> ModuleType:
    """The entry script as a module, found again by processes that it starts. Raises UnusableScript."""
    file = Path(entry_script).resolve()
    if not file.is_file():
        raise UnusableScript(f"there is no entry script {entry_script} in the code")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise UnusableScript(f"the entry script {entry_script} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(file.stem, module)
    spec.loader.exec_module(module)
    if not callable(getattr(module, "run", None)):
        raise UnusableScript(f"the entry script {entry_script} has no function run()")
    return module


def call(run: Any, content: Any, context: MiniBatchContext) -> Any:
    """What `run` returns; it gets the context if it takes a second argument that must be given, or has its name."""
    positional = [one for one in inspect.signature(run).parameters.values() if one.kind in _POSITIONAL]
    second = positional[1] if len(positional) > 1 else None
    if second is not None and (second.default is inspect.Parameter.empty or second.name == "mini_batch_context"):
        return run(content, context)
    return run(content)


def count(result: Any) -> int:
    """How many items `run` returned. Raises TypeError if it is no list, tuple, array or DataFrame."""
    if result is None or isinstance(result, (str, bytes, dict)) or not hasattr(result, "__len__"):
        kind = type(result).__name__
        raise TypeError(f"run() must return a pandas DataFrame, a list, a tuple or an array, not {kind}")
    return len(result)


def write(result: Any, rows: BinaryIO) -> None:
    """Append a row per element, as its string; of a DataFrame the values with spaces between, without a header."""
    if hasattr(result, "to_csv"):
        text = result.to_csv(header=False, index=False, sep=" ")
    else:
        text = "".join(f"{one}\n" for one in result)
    rows.write(text.encode("utf-8", errors="replace"))


def end_with(parent: int) -> None:
    """Let the kernel end this process when the driver ends, however that does."""
    with contextlib.suppress(OSError, AttributeError):  # Not Linux: the driver's end closes the pipe of orders.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the driver has ended")


def main(settings_file: str, name: str, orders: int, answers: int, parent: int) -> int:
    """Serve the driver; the answer is the exit code."""
    end_with(parent)
    for one in (orders, answers):
        os.set_inheritable(one, False)
    settings = Settings.load(settings_file)
    folder = Path(settings.entry_script).resolve().parent
    sys.path[:0] = dict.fromkeys([str(folder), str(Path.cwd())])
    sys.argv = [settings.entry_script, *settings.arguments]
    # Messages of `logging` go where `print` goes, from INFO on.
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s|%(name)s|%(levelname)s|%(message)s")
    with open(orders, "rb") as taken, open(answers, "wb") as given:
        return Worker(settings, name, given).serve(taken)

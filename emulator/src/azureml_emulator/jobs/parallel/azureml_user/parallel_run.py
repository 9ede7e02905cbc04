"""What an entry script may ask about its run: `EntryScript`, as documented in "Troubleshooting the ParallelRunStep"."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path
from typing import Any

_VARIABLE = "AZUREML_EMULATOR_PARALLEL_WORKER"


class EntryScript:
    """The worker process that the entry script runs in; one object, however often it is made."""

    _only: EntryScript | None = None

    def __new__(cls, *_: object, **__: object) -> EntryScript:
        """The one object."""
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __init__(self, logging_level: int | str | None = None) -> None:
        if hasattr(self, "_told"):
            return
        self._told: dict[str, Any] = json.loads(os.environ.get(_VARIABLE, "{}"))
        self._level = logging_level or self._told.get("logging_level", "INFO")
        self._logger: logging.Logger | None = None

    @property
    def agent_name(self) -> str:
        """The worker's name, such as process003; replaced workers have new ones."""
        return str(self._told.get("agent_name", "process000"))

    @property
    def working_dir(self) -> str:
        """The folder with the job's code, where the run was started."""
        return str(self._told.get("working_dir", Path.cwd()))

    @property
    def output_dir(self) -> str:
        """The folder for the entry script's own files, an output of the job."""
        folder = Path(self._told.get("output_dir", "."))
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    @property
    def log_dir(self) -> str:
        """The folder for logs of the entry script on this node."""
        return str(self._told.get("log_dir", Path("logs") / "user" / "entry_script_log"))

    @property
    def dir(self) -> str:
        """The folder of the entry script."""
        return str((Path(self.working_dir) / self._told.get("entry_script", "entry.py")).parent)

    @property
    def config(self) -> dict[str, Any]:
        """The settings of the run, by name."""
        file = self._told.get("settings")
        return {} if file is None else dict(json.loads(Path(file).read_text(encoding="utf-8")))

    @property
    def logger(self) -> logging.Logger:
        """Writes to the worker's own file in `log_dir`."""
        if self._logger is None:
            folder = Path(self.log_dir)
            folder.mkdir(parents=True, exist_ok=True)
            handler = logging.FileHandler(folder / f"{self.agent_name}.log.txt", delay=True)
            formatter = logging.Formatter("%(asctime)s|%(name)s|%(levelname)s|%(process)d|%(funcName)s()|%(message)s")
            formatter.converter = time.gmtime
            handler.setFormatter(formatter)
            self._logger = logging.getLogger(f"azureml_user.{self.agent_name}")
            self._logger.setLevel(self._level)
            self._logger.addHandler(handler)
            self._logger.propagate = False  # Not a second time to where `print` goes.
        return self._logger

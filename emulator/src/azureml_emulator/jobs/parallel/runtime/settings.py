"""What a parallel run is to do, written down by the emulator for the driver and its workers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Settings:
    """All that the driver and the workers need to know. Times are in seconds, paths absolute.

    Attributes:
        entry_script: the file with `init` and `run`, relative to the working folder.
        arguments: what the entry script finds in `sys.argv`.
        input: the folder (or file) to split.
        table: how to read the input as a table, or None if mini batches are lists of files:
            `paths` (of an MLTable), `read` (`kind` and its options, or None), `format` (of partitions), `steps`.
        size: of a mini batch: files, or bytes of a table.
        partition_keys: split by these instead of by size.
        error_threshold: failed items over which the run fails; -1: any number may fail.
        mini_batch_error_threshold: the same for mini batches.
        allowed_failed_percent: the same in percent of all mini batches.
        logging_level: of the entry script's logger.
        instances: nodes, on this machine only names in logs.
        concurrency: worker processes per node.
        retries: of a mini batch that failed, timed out or killed its worker.
        timeout: of one call of `run`.
        overhead_timeout: of everything before that call, such as reading a table.
        first_task_timeout: until the first mini batch runs.
        progress_timeout: between two mini batches that end; None: no limit.
        rows_to: file (or folder) that gets what `run` returns; None: it is only counted.
        output: the folder for the entry script's own files.
        scratch: a folder for the driver's files.
        notes: lines for the job's log.

    """

    entry_script: str
    arguments: Sequence[str]
    input: str
    table: Mapping[str, Any] | None
    size: int
    partition_keys: Sequence[str]
    error_threshold: int
    mini_batch_error_threshold: int
    allowed_failed_percent: float
    logging_level: str
    instances: int
    concurrency: int
    retries: int
    timeout: float
    overhead_timeout: float
    first_task_timeout: float
    progress_timeout: float | None
    rows_to: str | None
    output: str
    scratch: str
    notes: Sequence[str]

    def save(self, file: Path) -> None:
        """Write them to a JSON file."""
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @staticmethod
    def load(file: str) -> Settings:
        """Read them from a JSON file."""
        return Settings(**json.loads(Path(file).read_text(encoding="utf-8")))

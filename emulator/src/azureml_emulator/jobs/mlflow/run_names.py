"""What runs are called in Azure and in MLflow: a job's name is its run's id in Azure, but MLflow makes ids up itself.

The nodes of a pipeline are called by MLflow's id. For runs that were given a name the two differ, and are exchanged in
whatever passes between a client and MLflow.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

from ...store import Store

Exchange = Callable[[str], str]

_RUN_KEYS = frozenset({"run_id", "run_uuid", "run_ids", "source_run_id"})
_RUN_TAGS = frozenset({"mlflow.parentRunId", "mlflow.rootRunId"})
# A value follows a comparison, or stands in the list of one; names may be quoted, too.
_VALUE = re.compile(r"""(?P<before>[=(,]\s*)(?P<quote>['"])(?P<value>.*?)(?P=quote)""")


class RunNames:
    """The names of the runs whose MLflow id is another, both ways. Safe to use from threads."""

    def __init__(self, store: Store, kind: str) -> None:
        self._store = store
        self._kind = kind
        self._lock = threading.Lock()
        self._names: dict[str, str] | None = None
        self._ids: dict[str, str] = {}

    def note(self, name: str, mlflow: str) -> None:
        """Remember what the run `name` is called by MLflow."""
        with self._lock:
            if self._names is not None and mlflow and mlflow != name:
                self._names[mlflow] = name
                self._ids[name] = mlflow

    def _read(self) -> dict[str, str]:
        with self._lock:
            if self._names is None:  # When it is first needed: the store may hold many runs.
                runs = [run for run in self._store.list(self._kind) if run["mlflow"] not in {"", run["name"]}]
                self._names = {run["mlflow"]: run["name"] for run in runs}
                self._ids = {run["name"]: run["mlflow"] for run in runs}
            return self._names

    def to_mlflow(self, name: str) -> str:
        """MLflow's id of the run; anything else as it is."""
        self._read()
        return self._ids.get(name, name)

    def from_mlflow(self, mlflow: str) -> str:
        """The name of the run that has this id in MLflow; anything else as it is."""
        return self._read().get(mlflow, mlflow)


def is_run_key(key: str) -> bool:
    """Whether a field, or a parameter of a query, of this name holds the id of a run."""
    return key in _RUN_KEYS


def exchange_run_ids(value: Any, exchange: Exchange) -> Any:
    """The JSON value with every run id in it exchanged; what only looks like one is left alone."""
    if isinstance(value, list):
        return [exchange_run_ids(one, exchange) for one in value]
    if not isinstance(value, dict):
        return value
    changed = {key: exchange_run_ids(one, exchange) for key, one in value.items()}
    for key in _RUN_KEYS & changed.keys():
        changed[key] = _each(changed[key], exchange)
    if str(changed.get("key")) in _RUN_TAGS and isinstance(changed.get("value"), str):
        changed["value"] = exchange(changed["value"])
    return changed


def exchange_in_filter(text: str, exchange: Exchange) -> str:
    """The condition of a search with the run ids that it quotes exchanged: `tags.mlflow.parentRunId = 'name'`."""
    return _VALUE.sub(lambda found: found["before"] + found["quote"] + exchange(found["value"]) + found["quote"], text)


def _each(value: Any, exchange: Exchange) -> Any:
    if isinstance(value, str):
        return exchange(value)
    return [_each(one, exchange) for one in value] if isinstance(value, list) else value

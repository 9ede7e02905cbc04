"""Parameters and metrics of runs, asked of the MLflow server.

https://mlflow.org/docs/latest/rest-api.html; the sampled history is what MLflow's own page draws its charts from.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

_PER_REQUEST = 100
_POINTS = 400
_SECONDS = 10.0


class Unavailable(Exception):  # noqa: N818
    """MLflow does not answer: it is starting, or it has ended."""


@dataclass(frozen=True)
class Logged:
    """What a run logged: parameters, and the last value of each metric."""

    params: Mapping[str, str]
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Point:
    """A value of a metric; `time` is in seconds since 1970."""

    step: int
    time: float
    value: float


NOTHING = Logged({}, {})


class Metrics:
    """Reads from the MLflow server on this loopback port."""

    def __init__(self, port: int) -> None:
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=_SECONDS, trust_env=False)

    def logged(self, runs: Iterable[Mapping[str, Any]]) -> dict[str, Logged]:
        """What each of the emulator's runs logged, by the name of the run. Raises Unavailable."""
        names: dict[str, dict[str, str]] = {}
        for run in runs:
            if run["mlflow"] and run["experiment_id"]:
                names.setdefault(str(run["experiment_id"]), {})[str(run["mlflow"])] = str(run["name"])
        found: dict[str, Logged] = {}
        for experiment, by_id in names.items():
            ids = list(by_id)
            for start in range(0, len(ids), _PER_REQUEST):
                for run in self._search(experiment, ids[start : start + _PER_REQUEST]):
                    found[by_id[run["info"]["run_id"]]] = _logged(run.get("data") or {})
        return found

    def _search(self, experiment: str, ids: Sequence[str]) -> list[dict[str, Any]]:
        listed = ", ".join(f"'{one}'" for one in ids if one.isalnum())
        body = {
            "experiment_ids": [experiment],
            "filter": f"attributes.run_id IN ({listed})",
            "run_view_type": "ALL",
            "max_results": _PER_REQUEST,
        }
        return list(self._ask("POST", "/api/2.0/mlflow/runs/search", json=body).get("runs") or [])

    def history(self, mlflow: str, key: str) -> list[Point]:
        """The values of a metric in their order, a sample of them if there are many. Raises Unavailable."""
        query = {"run_ids": mlflow, "metric_key": key, "max_results": str(_POINTS)}
        answer = self._ask("GET", "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval", params=query)
        points = (
            Point(int(one.get("step") or 0), float(one["timestamp"]) / 1000, float(one["value"]))
            for one in answer.get("metrics") or []
        )
        return sorted((p for p in points if math.isfinite(p.value)), key=lambda p: (p.step, p.time))

    def _ask(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        try:
            answer = self._client.request(method, path, **given)
        except httpx.TransportError as error:
            raise Unavailable("the MLflow server does not answer") from error
        if not answer.is_success:
            raise Unavailable(f"the MLflow server answered {answer.status_code}: {answer.text[:200]}")
        return dict(answer.json())


def _logged(data: Mapping[str, Any]) -> Logged:
    return Logged(
        params={one["key"]: str(one["value"]) for one in data.get("params") or []},
        metrics={one["key"]: float(one["value"]) for one in data.get("metrics") or []},
    )

"""MLflow 3's logged models: their files are artifacts of the run that logged them, as with MLflow 2 and in Azure.

The first model that a run logs by a name is at that name below the run's artifacts, where `runs:/RUN/NAME` and
`azureml://jobs/RUN/outputs/artifacts/paths/NAME` find it; another one of the same name is kept apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..files import artifacts
from ..files.artifacts import Address
from ..services import Services

_KIND = "logged models"
_NAMES = "names of logged models"
_ELSEWHERE = "LocalUpload"


class LoggedModels:
    """Where the logged models are."""

    def __init__(self, services: Services) -> None:
        self._store = services.context.store

    def follow(self, operation: str, told: Mapping[str, Any]) -> None:
        """Settle the place of a model that was made by a granted request."""
        info = (told.get("model") or {}).get("info") if operation == "logged-models" else None
        if not info or self._store.get(_KIND, info["model_id"]):
            return
        model, run, name = info["model_id"], info.get("source_run_id"), info.get("name")
        with self._store.transaction():
            first = bool(run and name) and self._store.put(_NAMES, f"{run}/{name}", {"model": model})
            self._store.put(_KIND, model, {"run": run, "path": name if first else f"models/{model}"})

    def address(self, model: str, run: str) -> Address:
        """The folder of a model's files; `run` is the run that logged it, if one did."""
        known = self._store.get(_KIND, model) or {"run": run, "path": f"models/{model}"}
        if not known["run"]:
            return Address(_ELSEWHERE, model, "model")
        return artifacts.of_run(str(known["run"]), str(known["path"]))

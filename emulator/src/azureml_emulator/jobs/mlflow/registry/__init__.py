"""MLflow's model registry, on the workspace's models: what is registered in MLflow is a model of the workspace.

The requests and answers are those of MLflow's REST API, https://mlflow.org/docs/latest/rest-api.html; stages are the
models' own, and aliases are not implemented.
"""

from __future__ import annotations

from collections.abc import Callable

from ....errors import not_implemented
from ...services import Services
from .bodies import Answer, Body
from .models import RegisteredModels
from .versions import ModelVersions

__all__ = ["Registry"]

_READS_FILES = frozenset({"model-versions/create"})


class Registry:
    """Answers the requests for registered models and their versions."""

    def __init__(self, services: Services) -> None:
        self._store = services.context.store
        versions = ModelVersions(services)
        models = RegisteredModels(services.context, versions)
        self._operations: dict[tuple[str, str], Callable[[Body, bool], Answer]] = {
            ("POST", "registered-models/create"): models.create,
            ("GET", "registered-models/get"): models.get,
            ("PATCH", "registered-models/update"): models.update,
            ("DELETE", "registered-models/delete"): models.delete,
            ("GET", "registered-models/search"): models.search,
            ("GET", "registered-models/get-latest-versions"): models.latest_versions,
            ("POST", "registered-models/get-latest-versions"): models.latest_versions,
            ("POST", "registered-models/set-tag"): models.set_tag,
            ("DELETE", "registered-models/delete-tag"): models.delete_tag,
            ("POST", "model-versions/create"): versions.create,
            ("GET", "model-versions/get"): versions.get,
            ("PATCH", "model-versions/update"): versions.update,
            ("DELETE", "model-versions/delete"): versions.delete,
            ("GET", "model-versions/search"): versions.search,
            ("GET", "model-versions/get-download-uri"): versions.download_uri,
            ("POST", "model-versions/transition-stage"): versions.transition,
            ("POST", "model-versions/set-tag"): versions.set_tag,
            ("DELETE", "model-versions/delete-tag"): versions.delete_tag,
        }

    def answer(self, method: str, operation: str, body: Body, *, azureml: bool) -> Answer:
        """The answer to an operation such as `model-versions/get`. Blocks. Raises ServiceError."""
        perform = self._operations.get((method, operation))
        if perform is None:
            raise not_implemented(f"{method} {operation} of MLflow's model registry")
        if operation in _READS_FILES:  # Not in a transaction: others would wait for storage meanwhile.
            return perform(body, azureml)
        with self._store.transaction():
            return perform(body, azureml)

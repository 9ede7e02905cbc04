"""The requests about one compute, each of whose failures is told in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlops_actions import azure
from mlops_actions.compute.users import Use, uses_of
from mlops_actions.errors import ActionError
from mlops_actions.sdk_errors import in_definition, reason

_CONFLICT = 409


class ComputeRequests:
    """Looks at a compute and its jobs, and begins operations on it. Everything raises ActionError if it fails."""

    def __init__(self, workspace: azure.Workspace, name: str) -> None:
        self.workspace = workspace
        self._rest = azure.Rest(workspace)
        self._name = name

    def get(self, last: str) -> dict[str, Any] | None:
        """The compute, None if there is none; `last` is the state that was known before."""
        from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

        try:
            return self._rest.get(f"computes/{self._name}")
        except AzureError as error:
            known = f" (it was {last} before)" if last else ""
            text = f"the state of compute {self._name} cannot be read: {reason(error)}{known}"
            raise ActionError(text) from error

    def uses(self) -> list[Use]:
        """The jobs on the compute."""
        from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

        try:
            return uses_of(self._rest, self._name)
        except AzureError as error:
            text = f"the jobs on compute {self._name} cannot be listed: {reason(error)}"
            raise ActionError(f"{text} (only-if-idle: false does without)") from error

    def cancel(self, use: Use) -> None:
        """Ask for the end of a job."""
        from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

        try:
            self._rest.post(f"jobs/{use.job}/cancel")
        except AzureError as error:
            raise ActionError(f"job {use.job}, whose step was killed, cannot be cancelled: {reason(error)}") from error

    def create(self, file: Path) -> str:
        """Begin to create the compute from its YAML; the answer is as `begin`'s."""
        from azure.ai.ml import load_compute  # noqa: PLC0415 - slow to import
        from azure.ai.ml.exceptions import MlException  # noqa: PLC0415
        from marshmallow import ValidationError  # noqa: PLC0415

        def create() -> None:
            try:
                compute = load_compute(str(file), params_override=[{"name": self._name}])
                azure.ml_client(self.workspace).compute.begin_create_or_update(compute)
            except (MlException, ValidationError) as error:
                raise in_definition(error, file, "is not a compute definition") from error

        return self._begun("create", create)

    def begin(self, operation: str, body: Mapping[str, Any] | None = None) -> str:
        """Begin to delete, update, start or stop the compute.

        The answer is why that was refused because another operation is in flight, "" if it was accepted.
        """
        path = f"computes/{self._name}"
        requests = {
            "delete": lambda: self._rest.delete(path),
            "update": lambda: self._rest.patch(path, body or {}),
        }
        return self._begun(operation, requests.get(operation, lambda: self._rest.post(f"{path}/{operation}")))

    def _begun(self, operation: str, request: Callable[[], object]) -> str:
        from azure.core.exceptions import AzureError, HttpResponseError  # noqa: PLC0415 - slow to import

        try:
            request()
        except HttpResponseError as error:
            refused = f"{operation} was refused: {reason(error)}"
            if error.status_code != _CONFLICT:
                raise ActionError(f"compute {self._name}: {refused}") from error
            return refused
        except AzureError as error:
            raise ActionError(f"compute {self._name}: {operation} failed: {reason(error)}") from error
        return ""

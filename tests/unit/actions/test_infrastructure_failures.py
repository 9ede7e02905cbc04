"""Which errors of runs are the infrastructure's."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_actions.aml.infrastructure import failure_code


def error(message: str = "", code: str = "UserError", **fields: Any) -> dict[str, Any]:
    return {"code": code, "message": message, **fields}


@pytest.mark.fault(
    "job: no machines, preemption, an image or storage that cannot be had",
    "told apart from errors of the user's code, which are never tried again",
)
@pytest.mark.parametrize(
    ("told", "code"),
    [
        (error("AzureMLCompute job failed. PreemptionError: Nodes of this job got pre-empted."), "PreemptionError"),
        (error("AzureMLCompute job failed.\nAllocationFailed: no machines"), "AllocationFailed"),
        (error("AzureMLCompute job failed.\nFailedPullingImage: Unable to pull docker image"), "FailedPullingImage"),
        (error("Image build failed. For more details, check log file x."), "ImageBuildFailure"),
        (
            error("Input animals: Error Code: ScriptExecution.StreamAccess.Throttling. Error Message: slow down"),
            "ScriptExecution.StreamAccess.Throttling",
        ),
        (error("anything", "ServiceError"), "ServiceError"),
        (error("x", "AllocationFailed"), "AllocationFailed"),
        (error("x", innerError={"code": "ZonalAllocationFailed"}), "ZonalAllocationFailed"),
        (error("x", details=[{"code": "AllocationTimedOut"}]), "AllocationTimedOut"),
    ],
)
def test_the_infrastructures(told: dict[str, Any], code: str) -> None:
    assert failure_code(told) == code


@pytest.mark.fault(
    "job: no machines, preemption, an image or storage that cannot be had",
    "told apart from errors of the user's code, which are never tried again",
)
@pytest.mark.parametrize(
    "told",
    [
        {},
        error(),
        error("Execution failed. User process exited with status code 1. Error: PreemptionError: I said"),
        # What the user's code prints can have Azure's words in it, at the beginning of a line too.
        error("Execution failed. User process exited.\nAzureMLCompute job failed. AllocationFailed: no machines"),
        error("AzureMLCompute job failed.\nJobFailed: Submitted script failed: AllocationFailed", "ServiceError"),
        error("User program failed with OSError: AllocationFailed"),
        error("Input animals: Error Code: ScriptExecution.StreamAccess.NotFound. Error Message: not found"),
        error("Input animals: Error Code: ScriptExecution.StreamAccess.Authentication. Error Message: no"),
        error("ValueError: Image build failed"),
        error("x", "BadArgument", innerError={"code": "NotFound"}),
    ],
)
def test_the_users(told: dict[str, Any]) -> None:
    assert failure_code(told) is None

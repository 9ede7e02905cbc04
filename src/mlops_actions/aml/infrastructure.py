"""Whether a run failed for the infrastructure's sake, so that it is worth another try, or for its own code's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_CODES = frozenset(
    {
        # No machines: Azure Batch's and virtual machines' codes,
        # https://learn.microsoft.com/troubleshoot/azure/hpc/batch/azure-batch-pool-resizing-failure
        # https://learn.microsoft.com/troubleshoot/azure/virtual-machines/windows/allocation-failure
        "AllocationFailed",
        "AllocationTimedOut",
        "OverconstrainedAllocationRequest",
        "OverconstrainedZonalAllocationRequest",
        "ZonalAllocationFailed",
        # The machines are taken away: https://github.com/microsoft/MLOpsPython/issues/346
        "PreemptionError",
        # The image cannot be built or had:
        # https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints
        "ImageBuildFailure",
        "FailedPullingImage",
        "AcrRefreshTokenRetrievalError",
        # Azure's word for all that is its own fault, with any reason.
        "ServiceError",
    }
)
_USERS_CODE = re.compile(
    r"(?:AzureMLCompute job failed\.\s*)?"
    r"(?:Execution failed\b|(?:ExecutionFailed|JobFailed|UserError)\s*:|User program failed\b)"
)
_CODE_IN_MESSAGE = re.compile(r"AzureMLCompute job failed\.\s*(\w+):")
_IMAGE_BUILD = re.compile(r"Image build failed\b")
# Of an input or output that is mounted or copied before or after the command.
_STORAGE = re.compile(r"[^\n:]*: Error Code: ScriptExecution\.StreamAccess\.(Connection|Throttling|Timeout)\b")


def failure_code(error: Mapping[str, Any]) -> str | None:
    """The code of the infrastructure's failure that a run's error (`RootError` of run history) tells of, or None.

    Only codes and the service's words at the beginning count: a message may go on with what the user's code printed.
    """
    message = str(error.get("message") or "")
    if _USERS_CODE.match(message):
        return None
    if found := next((code for code in _codes(error) if code in _CODES), None):
        return found
    if (found_in := _CODE_IN_MESSAGE.match(message)) and found_in[1] in _CODES:
        return found_in[1]
    if _IMAGE_BUILD.match(message):
        return "ImageBuildFailure"
    if storage := _STORAGE.match(message):
        return f"ScriptExecution.StreamAccess.{storage[1]}"
    return None


def _codes(error: Mapping[str, Any]) -> Iterator[str]:
    """The error's code and those of the errors in it: the inner ones say more."""
    inner = [error.get("innerError"), *(error.get("details") or [])]
    for one in inner:
        if isinstance(one, Mapping):
            yield from _codes(one)
    if code := error.get("code"):
        yield str(code)

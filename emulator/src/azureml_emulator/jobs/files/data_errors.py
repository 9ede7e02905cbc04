"""Why a job's data cannot be had, told as Azure's data capability tells it."""

from __future__ import annotations

import json

from ..stopping import JobFailed

_TOLD = {
    "NotFound": ("NotFound", "The requested stream was not found. Please make sure the request uri is correct."),
    "Authentication": ("Authentication", "Authentication failed when trying to access the stream."),
    "NotSupported": ("Validation", "Provided input is not supported."),
    "InvalidInput": ("Validation", "Provided input is not valid."),
    "TooLarge": ("Validation", "Provided input is too large."),
    "ConnectionFailure": ("Connection", "The connection to the data failed."),
}


class DataError(Exception):
    """Data cannot be had; `reason` is the kind of it (a key of Azure's DataAccessError), the text tells which data."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def failed(where: str, error: DataError, *, mounted: bool) -> JobFailed:
    """The end of a run whose input or output (`where`) has this error, while it was being mounted or copied.

    The codes `ScriptExecution.StreamAccess.…`, the sentences that go with them and the JSON that follows for mounts
    are those that runs in Azure end with; see Azure/MachineLearningNotebooks#1029, MicrosoftDocs/azure-docs#111159 and
    Azure-Samples/azure-ml-federated-learning (docs/tsg.md).
    """
    code, sentence = _TOLD[error.reason]
    text = f"{where}: Error Code: ScriptExecution.StreamAccess.{code}. Error Message: {sentence} {error.message}"
    reason = f"DataAccessError({error.reason})"
    told = {
        "code": "data-capability.UriMountSession.PyFuseError",
        "target": "",
        "category": "UserError",
        "error_details": [{"key": "NonCompliantReason", "value": reason}],
    }
    return JobFailed(f"{text}\n{json.dumps({'NonCompliant': reason})}\n{json.dumps(told)}" if mounted else text)

"""Where a job's files are: from an asset's id, a job's output or a URI to a place in the workspace's storage."""

from __future__ import annotations

import re

from .. import assets, data
from ..context import Context
from ..errors import bad_request, not_found
from .runs import KIND as RUNS

_VERSION_ID = re.compile(r"^/subscriptions/.+/(?P<kind>data|models|codes)/[^/]+/versions/[^/]+$", re.IGNORECASE)
_JOB_OUTPUT = re.compile(r"^azureml://jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+)(?:/paths/(?P<below>.*))?$")
_NAMED = re.compile(r"^azureml:(?P<name>[^/:@]+)(?::(?P<version>[^/:@]+)|@(?P<label>[^/:@]+))$")
_URI_FIELDS = {"data": "dataUri", "models": "modelUri", "codes": "codeUri"}


def locate(context: Context, reference: str) -> str:
    """The URI of the files that an id or a URI stands for. Raises ServiceError (400, 404) if there is none."""
    if match := _VERSION_ID.match(reference):
        kind = match["kind"].lower()
        version = context.store.get(kind, reference)
        if version is None:
            raise not_found(f"{reference} is not found", "UserError")
        return locate(context, str(version["properties"][_URI_FIELDS[kind]]))
    if match := _NAMED.match(reference):
        named = assets.resolve(context, data.KIND, match["name"], match["version"] or match["label"])
        return locate(context, str(named["properties"]["dataUri"]))
    if match := _JOB_OUTPUT.match(reference):
        run = context.store.get(RUNS, match["job"])
        output = ((run or {}).get("outputs") or {}).get(match["output"])
        if output is None:
            raise not_found(f"job {match['job']} has no output {match['output']}", "UserError")
        return "/".join([str(output["uri"]).rstrip("/"), *filter(None, [match["below"]])])
    try:
        context.blobs.place(reference)
    except ValueError as error:
        raise bad_request(str(error)) from error
    return reference

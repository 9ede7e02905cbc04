"""Run history, the data plane's view of jobs: details with logs, children, outputs; what `jobs.stream` reads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import arm, computes, paging
from ..assets import json_object
from ..errors import ServiceError, bad_request, not_found
from ..routing import Operation
from ..settings import REGION
from ..shapes import strings, text
from ..store import Value
from .process import run_tokens
from .process.logs import artifact
from .runs import LOGGED, TERMINAL
from .services import Services
from .stopping import JobFailed

_HISTORY = f"/history/v1.0{arm.WORKSPACE}"
_TYPES = {"custom_model": "CustomModel", "mlflow_model": "MLFlowModel", "triton_model": "TritonModel"}
_UNCHANGEABLE = "other fields than display name, description, tags, properties and hidden"
_DATA_TYPES = {"uri_file": "UriFile", "uri_folder": "UriFolder", "mltable": "MLTable"}


def error_body(error: Value | None) -> Value | None:
    """A run's error as run history writes it."""
    if error is None:
        return None
    root = {
        "code": error["code"],
        "severity": None,
        "message": error["message"],
        "messageFormat": None,
        "messageParameters": {},
        "referenceCode": None,
        "detailsUri": None,
        "target": error.get("node"),
        "details": [],
        "innerError": None,
    }
    told = {"error": root, "correlation": {}, "environment": REGION, "location": REGION, "time": error["time"]}
    return {**told, "componentName": "execution"}


def run_body(services: Services, run: Value) -> Value:
    """A run as run history writes it."""
    parent = run["parent"]
    return {
        "runId": run["name"],
        "rootRunId": run.get("root") or parent or run["name"],
        "parentRunId": parent,
        "runUuid": run["mlflow"] or run["name"],
        # Azure numbers the runs of a workspace by when they were made.
        "runNumber": int(dt.datetime.fromisoformat(run["createdUtc"]).timestamp()),
        "experimentId": run["experiment_id"],
        "status": run["status"],
        "runType": None if run["kind"] == LOGGED else run["kind"],
        "displayName": run["display_name"],
        "description": run.get("description"),
        "createdUtc": run["createdUtc"],
        "startTimeUtc": run["startTimeUtc"],
        "endTimeUtc": run["endTimeUtc"],
        "properties": run["properties"],
        "tags": run["tags"],
        "hidden": run["hidden"],
        "dataContainerId": f"dcid.{run['name']}",
        "compute": _compute(services, run),
        "error": error_body(run["error"]),
        "warnings": [],
        "outputs": {
            name: {"assetId": output["asset"], "type": _TYPES.get(output["type"], output["type"])}
            for name, output in run["outputs"].items()
        },
        "services": {"Studio": {"endpoint": studio_url(services, run["name"]), "type": "Studio"}},
    }


def _compute(services: Services, run: Value) -> Value | None:
    name = run["compute"]
    if not name:
        return None
    found = computes.find(services.context, name)
    kind = found["properties"]["computeType"] if found else computes.CLUSTER
    return {"target": name, "targetType": str(kind).lower()}


def studio_url(services: Services, name: str) -> str:
    """The job's page in Azure ML Studio; the SDK adds the tenant to it."""
    return f"https://ml.azure.com/runs/{name}?wsid={services.context.workspace_id}"


def _details(services: Services, run: Value) -> Value:
    context = services.context
    return {
        "runId": run["name"],
        "target": run["compute"],
        "status": run["status"],
        "startTimeUtc": run["startTimeUtc"],
        "endTimeUtc": run["endTimeUtc"],
        "properties": run["properties"],
        "inputDatasets": [],
        "outputDatasets": [],
        "runDefinition": {},
        "logFiles": {name: context.blobs.read_url(artifact(run["name"], name)) for name in run["logs"]},
        "error": error_body(run["error"]),
        "warnings": [],
    }


class _History:
    def __init__(self, services: Services) -> None:
        self._services = services

    def _find(self, name: str) -> Value:
        run = self._services.runs.get(name)
        if run is None:
            raise not_found(f"Run with id {name} not found in workspace.", "UserError")
        return run

    async def get(self, request: Request) -> Response:
        return JSONResponse(run_body(self._services, self._find(request.path_params["run"])))

    async def details(self, request: Request) -> Response:
        return JSONResponse(_details(self._services, self._find(request.path_params["run"])))

    async def token(self, request: Request) -> Response:
        """Another token for a run that goes on, before its own ends: azureml-mlflow asks for it."""
        run = self._find(request.path_params["run"])
        if run["status"] in TERMINAL:
            raise bad_request(f"Run {run['name']} has ended: it needs no token.")
        settings, root = self._services.context.settings, run.get("root") or run["name"]
        token = run_tokens.issue(settings, run["name"], root, run["experiment_id"])
        return JSONResponse({"token": token.text, "expiryTimeUtc": token.expiry_utc})

    async def children(self, request: Request) -> Response:
        """All children at once, as the SDK follows no link to more; `$top` are the first ones."""
        children = self._services.runs.children(self._find(request.path_params["run"])["name"])
        first, last = paging.bounds(request) if "$top" in request.query_params else (0, len(children))
        more = {"continuationToken": str(last)} if last < len(children) else {}
        return JSONResponse({"value": [run_body(self._services, child) for child in children[first:last]], **more})

    async def services_of(self, request: Request) -> Response:
        """The interactive services of a run's node: there are none here."""
        self._find(request.path_params["run"])
        return JSONResponse({"instances": {}})

    async def data(self, request: Request) -> Response:
        body = await json_object(request)
        run = self._find(str(body.get("runId") or body.get("RunId")))
        return JSONResponse({"runMetadata": run_body(self._services, run), "runDefinition": {}, "jobSpecification": {}})

    async def change(self, request: Request) -> Response:
        """Hide a run (that is what archiving is), or change what it is called or tagged with."""
        run, body = self._find(request.path_params["run"]), await json_object(request)
        await run_in_threadpool(self._change, run, body)
        return JSONResponse(run_body(self._services, self._find(run["name"])))

    def _change(self, run: Value, body: Value) -> None:
        said = {"display_name": text(body.get("displayName"), "displayName")}
        said["description"] = text(body.get("description"), "description")
        changes: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
        if isinstance(body.get("hidden"), bool):
            changes["hidden"] = body["hidden"]
        tags, properties = strings(body.get("tags"), "tags"), strings(body.get("properties"), "properties")
        context = self._services.context
        with context.store.transaction():
            self._services.runs.update(run["name"], **changes)
            self._services.runs.describe(run["name"], tags=tags, properties=properties)
            if (description := said["description"]) is not None:
                job = f"{context.workspace_id}/jobs/{run['name']}"
                context.store.update("jobs", job, lambda kept: kept["properties"].update(description=description))
        if description is not None:
            tags |= {"mlflow.note.content": description}
        if tags and run["mlflow"]:
            self._tell_mlflow(run["mlflow"], tags)

    def _tell_mlflow(self, run: str, tags: Mapping[str, str]) -> None:
        try:
            self._services.tracking.wait()
            self._services.tracking.set_tags(run, tags)
        except (JobFailed, httpx.HTTPError) as error:
            raise ServiceError(503, "ServiceUnavailable", f"MLflow was not told of the tags: {error}") from error

    def _assets(self, body: Value) -> dict[str, Value]:
        wanted = body.get("values")
        if not isinstance(wanted, list):
            raise bad_request("the request body has no list 'values'", "ValidationError")
        found = {}
        for identity in wanted:
            asset = self._services.runs.asset(str(identity))
            if asset is None:
                raise ServiceError(404, "UserError", f"{identity} is not found")
            found[str(identity)] = asset
        return found

    async def data_uris(self, request: Request) -> Response:
        found = self._assets(await json_object(request))
        uris = {
            identity: {"uri": a["uri"], "type": _DATA_TYPES.get(a["type"], a["type"])} for identity, a in found.items()
        }
        return JSONResponse({"values": uris})

    async def model_uris(self, request: Request) -> Response:
        found = self._assets(await json_object(request))
        paths = {identity: {"path": a["uri"], "type": a["type"]} for identity, a in found.items()}
        return JSONResponse({"values": paths})


def routes(services: Services) -> list[Route]:
    """Run history, and the look-up of where the outputs of runs are."""
    history = _History(services)
    by = {"": "", "ByExperimentName": "/experiments/{experiment}", "ByExperimentId": "/experimentids/{experiment}"}
    named = {end: f"{_HISTORY}{path}/runs/{{run}}" for end, path in by.items()}
    return [
        *(Operation(f"{path}/details", history.details, f"Runs_GetDetails{end}") for end, path in named.items()),
        *(Operation(f"{path}/children", history.children, f"Runs_GetChild{end}") for end, path in named.items()),
        *(Operation(f"{path}/token", history.token, f"Run_GetToken{end}") for end, path in named.items()),
        *(Operation(path, history.get, f"Runs_Get{end}") for end, path in named.items()),
        *(
            Operation(path, history.change, f"Runs_AddOrModify{end}", methods=["PATCH"], missing=_UNCHANGEABLE)
            for end, path in named.items()
        ),
        Operation(f"{named['']}/serviceinstances/{{node}}", history.services_of, "Runs_GetRunServiceInstances"),
        Operation(f"{_HISTORY}/rundata", history.data, "Runs_GetRunData", methods=["POST"]),
        Operation(
            f"/data/v1.0{arm.WORKSPACE}/dataversion/batchGetResolvedUris",
            history.data_uris,
            "DataVersion_BatchGetResolvedUris",
            methods=["POST"],
        ),
        Operation(
            f"/modelregistry/v1.0{arm.WORKSPACE}/models/batchGetResolvedUris",
            history.model_uris,
            "Models_BatchGetResolvedUris",
            methods=["POST"],
        ),
    ]

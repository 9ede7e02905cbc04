"""Run history, the data plane's view of jobs: details with logs, children, outputs; what `jobs.stream` reads."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import arm
from ..assets import json_object
from ..errors import ServiceError, bad_request, not_found
from ..settings import REGION
from ..store import Value
from . import run_tokens
from .logs import artifact
from .runs import TERMINAL
from .services import Services

_HISTORY = f"/history/v1.0{arm.WORKSPACE}"
_TYPES = {"custom_model": "CustomModel", "mlflow_model": "MLFlowModel", "triton_model": "TritonModel"}
_DATA_TYPES = {"uri_file": "UriFile", "uri_folder": "UriFolder", "mltable": "MLTable"}


def error_body(error: Value | None) -> Value | None:
    """A run's error as run history writes it."""
    if error is None:
        return None
    root = {"code": error["code"], "message": error["message"], "messageFormat": None, "details": []}
    told = {"error": root, "correlation": {}, "environment": REGION, "location": REGION, "time": error["time"]}
    return {**told, "componentName": "execution"}


def run_body(services: Services, run: Value) -> Value:
    """A run as run history writes it."""
    parent = run["parent"]
    compute = {"target": run["compute"], "targetType": "computeinstance"} if run["compute"] else None
    return {
        "runId": run["name"],
        "rootRunId": parent or run["name"],
        "parentRunId": parent,
        "runUuid": run["mlflow"] or run["name"],
        "runNumber": 1,
        "experimentId": run["experiment_id"],
        "status": run["status"],
        "runType": run["kind"],
        "displayName": run["display_name"],
        "createdUtc": run["createdUtc"],
        "startTimeUtc": run["startTimeUtc"],
        "endTimeUtc": run["endTimeUtc"],
        "properties": run["properties"],
        "tags": run["tags"],
        "hidden": run["hidden"],
        "dataContainerId": f"dcid.{run['name']}",
        "compute": compute,
        "error": error_body(run["error"]),
        "warnings": [],
        "outputs": {
            name: {"assetId": output["asset"], "type": _TYPES.get(output["type"], output["type"])}
            for name, output in run["outputs"].items()
        },
        "services": {"Studio": {"endpoint": studio_url(services, run["name"]), "type": "Studio"}},
    }


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
        children = self._services.runs.children(self._find(request.path_params["run"])["name"])
        return JSONResponse({"value": [run_body(self._services, child) for child in children]})

    async def data(self, request: Request) -> Response:
        body = await json_object(request)
        run = self._find(str(body.get("runId") or body.get("RunId")))
        return JSONResponse({"runMetadata": run_body(self._services, run), "runDefinition": {}, "jobSpecification": {}})

    async def change(self, request: Request) -> Response:
        """Hide a run (that is what archiving is), or change what it is called or tagged with."""
        run, body = self._find(request.path_params["run"]), await json_object(request)
        changes: dict[str, Any] = {}
        if isinstance(body.get("hidden"), bool):
            changes["hidden"] = body["hidden"]
        if isinstance(body.get("displayName"), str):
            changes["display_name"] = body["displayName"]
        for field in ("tags", "properties"):
            if isinstance(body.get(field), dict):
                changes[field] = {**run[field], **body[field]}
        await run_in_threadpool(lambda: self._services.runs.update(run["name"], **changes))
        return JSONResponse(run_body(self._services, self._find(run["name"])))

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
    named = [f"{_HISTORY}{by}/runs/{{run}}" for by in ("", "/experiments/{experiment}", "/experimentids/{experiment}")]
    return [
        *(Route(f"{path}/details", history.details) for path in named),
        *(Route(f"{path}/children", history.children) for path in named),
        *(Route(f"{path}/token", history.token, methods=["GET", "POST"]) for path in named),
        *(Route(path, history.get) for path in named),
        *(Route(path, history.change, methods=["PATCH"]) for path in named),
        Route(f"{_HISTORY}/rundata", history.data, methods=["POST"]),
        Route(f"/data/v1.0{arm.WORKSPACE}/dataversion/batchGetResolvedUris", history.data_uris, methods=["POST"]),
        Route(f"/modelregistry/v1.0{arm.WORKSPACE}/models/batchGetResolvedUris", history.model_uris, methods=["POST"]),
    ]

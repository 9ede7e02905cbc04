"""The jobs of a workspace: submit, get, list, cancel, change."""

from __future__ import annotations

import re
import threading

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import arm
from ..assets import json_object
from ..errors import bad_request, not_found, not_implemented
from ..routing import Operation, Unimplemented
from ..settings import REGION
from ..shapes import mapping, strings, text
from ..store import Value
from . import runs, submission
from .definition.bindings import read_target
from .files import outputs
from .history import studio_url
from .services import Services

KIND = "jobs"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")
_TYPES = ("Pipeline", "Command", "Sweep")


def _not_started(services: Value | None) -> dict[str, Value]:
    """The interactive services that a job asks for, told of as those that did not start."""
    told = {"status": "Failed", "errorMessage": "Interactive services are not started by this emulator"}
    return {name: {**asked, **told} for name, asked in (services or {}).items() if asked}


class _Jobs:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._context = services.context
        self._submitting = threading.Lock()

    def _id(self, name: str) -> str:
        return f"{self._context.workspace_id}/{KIND}/{name}"

    def _find(self, name: str) -> tuple[Value, Value | None]:
        """The run and, unless it is a node of a pipeline, the job. Raises ServiceError (404)."""
        run = self._services.runs.get(name)
        if run is None:
            raise not_found(f"Job {name} not found in workspace {self._context.settings.workspace}.", "UserError")
        return run, self._context.store.get(KIND, self._id(name))

    def _view(self, job: Value, run: Value) -> Value:
        """The job as it was submitted, completed by what has become of it."""
        properties = {
            **job["properties"],
            "status": run["status"],
            "isArchived": run["hidden"],
            "displayName": run["display_name"],
            "tags": run["tags"],
            "properties": {**job["properties"]["properties"], **run["properties"]},
            "services": {
                **_not_started(job["properties"].get("services")),
                "Tracking": {
                    "jobServiceType": "Tracking",
                    "endpoint": f"azureml://{REGION}.api.azureml.ms/mlflow/v2.0{self._context.workspace_id}?",
                },
                "Studio": {"jobServiceType": "Studio", "endpoint": studio_url(self._services, run["name"])},
            },
        }
        return {**job, "properties": properties}

    async def get(self, request: Request) -> Response:
        run, job = self._find(request.path_params["name"])
        if job is None:
            # So Azure answers for a node of a pipeline: the SDK then asks run history.
            return JSONResponse({**arm.resource(self._id(run["name"]), KIND, {}), "properties": None})
        return JSONResponse(self._view(job, run))

    async def list(self, request: Request) -> Response:
        query = request.query_params
        view = query.get("listViewType", "ActiveOnly")
        found = []
        for job in self._context.store.list(KIND, self._id(""))[::-1]:
            run = self._services.runs.get(job["name"])
            if run is None or {"ActiveOnly": run["hidden"], "ArchivedOnly": not run["hidden"]}.get(view, False):
                continue
            if (wanted := query.get("jobType")) and job["properties"]["jobType"].lower() != wanted.lower():
                continue
            if (tag := query.get("tag")) and tag not in run["tags"]:
                continue
            found.append(self._view(job, run))
        return JSONResponse({"value": found})

    async def put(self, request: Request) -> Response:
        name, body = request.path_params["name"], await json_object(request)
        return await run_in_threadpool(self._put, name, body)

    def _put(self, name: str, body: Value) -> Response:
        # One at a time: a client that repeats a request must not start the job twice.
        with self._submitting:
            return self._submit_or_change(name, body)

    def _submit_or_change(self, name: str, body: Value) -> Response:
        if not _NAME.fullmatch(name):
            raise bad_request(
                f"'{name}' is not a job name: letters, digits, '_' and '-', 255 at most", "ValidationError"
            )
        properties = body.get("properties")
        if not isinstance(properties, dict):
            raise bad_request("the request body has no object 'properties'", "ValidationError")
        known = self._context.store.get(KIND, self._id(name))
        if known is not None:
            return JSONResponse(self._change(known, properties))
        if self._services.runs.get(name) is not None:
            raise bad_request(f"{name} is a node of a pipeline; it cannot be submitted")
        if (kind := properties.get("jobType")) not in _TYPES:
            raise not_implemented(f"a job of type {kind}")
        properties = self._completed(name, properties)
        work = submission.read(self._context, name, properties)
        job = arm.resource(self._id(name), KIND, properties)
        # One transaction: a job without a run could neither be found nor be submitted again.
        with self._context.store.transaction():
            self._context.store.put(KIND, job["id"], job)
            submission.begin(self._services, name, properties, work)
        return JSONResponse(self._view(job, self._find(name)[0]), status_code=201)

    def _completed(self, name: str, properties: Value) -> Value:
        """The properties with what the service fills in, the places of outputs among it."""
        complete = {}
        settings = mapping(properties.get("settings"), "settings")
        datastore = text(settings.get("default_datastore"), "settings.default_datastore")
        for output, given in mapping(properties.get("outputs"), "outputs").items():
            spec = mapping(given, f"outputs.{output}") or {"jobOutputType": "uri_folder"}
            target = read_target(spec, f"outputs.{output}")
            place = outputs.place(self._context, target, run=name, output=output, datastore=datastore)
            complete[output] = {**spec, "uri": place}
        filled = {
            "experimentName": text(properties.get("experimentName"), "experimentName") or "Default",
            "displayName": text(properties.get("displayName"), "displayName") or name,
            "description": text(properties.get("description"), "description"),
            "tags": strings(properties.get("tags"), "tags"),
            "properties": strings(properties.get("properties"), "properties"),
        }
        return {**properties, **filled, "outputs": complete}

    def _change(self, job: Value, properties: Value) -> Value:
        """A job that exists is not run again: of what is sent, only what may change is taken."""
        given = {
            "tags": strings(properties.get("tags"), "tags") if "tags" in properties else None,
            "display_name": text(properties.get("displayName"), "displayName"),
            "hidden": bool(properties["isArchived"]) if properties.get("isArchived") is not None else None,
        }
        self._services.runs.update(job["name"], **{key: value for key, value in given.items() if value is not None})
        if description := text(properties.get("description"), "description"):
            job["properties"]["description"] = description
            self._context.store.put(KIND, job["id"], job)
        return self._view(job, self._find(job["name"])[0])

    async def cancel(self, request: Request) -> Response:
        run, _ = self._find(request.path_params["name"])
        if run["status"] in runs.TERMINAL:
            return Response(status_code=200)
        headers = await run_in_threadpool(submission.cancel, self._services, run["name"])
        return Response(status_code=202, headers=headers)


def routes(services: Services) -> list[Route]:
    """The routes of jobs."""
    jobs, base = _Jobs(services), f"{arm.WORKSPACE}/{KIND}"
    one = f"{base}/{{name}}"
    kinds = "AutoML, Spark, fine-tuning, labeling"
    return [
        Operation(base, jobs.list, "Jobs_List"),
        Operation(one, jobs.get, "Jobs_Get"),
        Operation(one, jobs.put, "Jobs_CreateOrUpdate", methods=["PUT"], missing=kinds),
        Operation(f"{one}/cancel", jobs.cancel, "Jobs_Cancel", methods=["POST"]),
        Unimplemented(one, "Jobs_Update", methods=["PATCH"]),
        Unimplemented(one, "Jobs_Delete", methods=["DELETE"]),
    ]

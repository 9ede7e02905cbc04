"""Where a run's outputs go, and who else has them afterwards: the pipeline, and data assets and models by name."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ... import assets
from ...assets import containers, data, models, version_routes
from ...context import Context
from ...errors import ServiceError, bad_request
from .. import register_model
from ..definition.specification import Node, Settings, Target
from ..services import Services
from ..stopping import JobFailed
from . import mltable, storage
from .data_errors import DataError
from .storage import full_uri

_DEFAULT = "azureml://datastores/${{default_datastore}}/paths/azureml/${{name}}/${{output_name}}/"
_PLACEHOLDER = re.compile(r"\$\{\{\s*(?P<name>[^{}]*?)\s*\}\}")
_FILLED = ("name", "output_name", "default_datastore")

_URI_FIELDS = {data.KIND: "dataUri", models.KIND: "modelUri"}
_BAD_REQUEST, _NOT_FOUND = 400, 404

_registering = threading.Lock()
"""The next version of a name is looked up and taken in one step, whoever else registers it."""


def place(context: Context, target: Target, *, run: str, output: str, datastore: str | None = None) -> str:
    """The URI of an output of the run: the explicit one, or the default, with its placeholders filled.

    `datastore` is the job's default datastore by name or id, else it is the workspace's. Raises ServiceError (400).
    """
    store = (datastore or storage.default_datastore(context)).rpartition("/")[2].removeprefix("azureml:")
    values = {"name": run, "output_name": output, "default_datastore": store}
    if output == storage.ARTIFACTS and not target.uri:
        return storage.artifacts(context, run)

    def fill(match: re.Match[str]) -> str:
        if match["name"] not in values:
            known = ", ".join(f"${{{{{name}}}}}" for name in _FILLED)
            raise bad_request(f"output {output}: {match.group()} is not one of {known}")
        return values[match["name"]]

    uri = _PLACEHOLDER.sub(fill, target.uri or _DEFAULT)
    if target.type == "uri_file":
        uri = uri.rstrip("/")
    return full_uri(context, uri)


def check(context: Context, target: Target, where: str, datastore: str | None = None) -> None:
    """Raise ServiceError (400, 501) for an output that cannot get where it is to go, or be called what it is to be.

    `datastore` is the job's default datastore, as in `place`.
    """
    if target.asset_name:
        version_routes.check_name(_collection(target.type), target.asset_name, target.asset_version)
    try:
        storage.place(context, place(context, target, run="name", output="output", datastore=datastore))
    except ServiceError as error:
        code = error.status if error.status != _NOT_FOUND else _BAD_REQUEST
        raise ServiceError(code, error.code, f"{where}: {error.message}") from error


def places(context: Context, node: Node, run: str, parents: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """The URIs of a node's outputs; one that is bound to an output of the parent goes to that one's place."""
    found = {}
    for name, target in node.outputs.items():
        bound = parents.get(target.bound) if target.bound else None
        found[name] = bound or place(context, target, run=run, output=name, datastore=settings.default_datastore)
    return found


def publish(
    services: Services, node: Node, run: Mapping[str, Any], *, parent: str, targets: Mapping[str, Target]
) -> None:
    """Let the pipeline have the outputs bound to its own, and register those that are to become assets.

    `targets` are the outputs of the pipeline job, as far as `parent` is one. Raises JobFailed for a name that cannot be
    had.
    """
    for name, target in node.outputs.items():
        output = run["outputs"].get(name)
        if output is None:
            continue  # A pipeline's output that none of its nodes is bound to.
        register(services.context, target, output, str(run["name"]))
        if target.bound is not None:
            services.runs.add_output(parent, target.bound, uri=output["uri"], kind=output["type"])
            if target.bound in targets:
                register(services.context, targets[target.bound], output, parent)


def register(context: Context, target: Target, output: Mapping[str, Any], job: str) -> None:
    """Make a data asset or model of an output that was given a name to register it by.

    Raises JobFailed for a version that exists with other files, and for a name that is none.
    """
    if not target.asset_name:
        return
    uri, kind = str(output["uri"]), str(output["type"])
    collection = _collection(kind)
    details = _model(context, uri, kind, job) if collection == models.KIND else _data(context, uri, kind, job)
    with _registering:
        name = target.asset_name
        version = target.asset_version or assets.next_version(assets.versions(context, collection, name))
        if collection == data.KIND:
            _check_type(context, name, kind)
        known = context.store.get(collection, assets.version_id(context, collection, name, version))
        if known is not None and known["properties"].get(_URI_FIELDS[collection]) != uri:
            # The service's own words for a change of what cannot change; the SDK knows them, too.
            raise JobFailed(f"Output asset {name}:{version} ({collection}): Asset paths cannot be updated.")
        assets.put(context, collection, name, version, {**details, "properties": {"jobName": job}})


def _collection(kind: str) -> str:
    return models.KIND if kind.endswith("_model") else data.KIND


def _check_type(context: Context, name: str, kind: str) -> None:
    has = containers.data_type(context, name, assets.workspace(context))
    if has not in {None, kind}:
        raise JobFailed(f"Output asset {name} (data) is {kind}, but the other versions of {name} are {has}")


def _data(context: Context, uri: str, kind: str, job: str) -> dict[str, Any]:
    properties: dict[str, Any] = {"dataType": kind, "dataUri": uri}
    if kind == "mltable" and (text := _read(context, uri, mltable.FILE)) is not None:
        try:
            properties["referencedUris"] = [path for _, path in mltable.paths(text)]
        except DataError as error:
            raise JobFailed(f"The mltable that job {job} wrote cannot be registered: {error.message}") from error
    return properties


def _model(context: Context, uri: str, kind: str, job: str) -> dict[str, Any]:
    found = flavors(context, uri) if kind == "mlflow_model" else {}
    return {"modelType": kind, "modelUri": uri, "jobName": job, "flavors": found}


def flavors(context: Context, uri: str) -> dict[str, Any]:
    """The flavors of the mlflow_model at a URI, none without an MLmodel. Raises JobFailed, ServiceError (400, 501)."""
    text = _read(context, uri, "MLmodel")
    return {} if text is None else register_model.flavors(text)


def _read(context: Context, uri: str, name: str) -> bytes | None:
    at = storage.place(context, uri)
    return context.blobs.read(replace(at, prefix=f"{at.prefix}/{name}".lstrip("/")))

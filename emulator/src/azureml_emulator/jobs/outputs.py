"""Where a run's outputs go, and who else has them afterwards: the pipeline, and data assets by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .. import assets, data, models
from ..context import Context
from .services import Services
from .specification import Node, Settings, Target

_DATASTORE = Settings.default_datastore
_DEFAULT = "azureml://datastores/${{default_datastore}}/paths/azureml/${{name}}/${{output_name}}/"
_PLACEHOLDER = re.compile(r"\$\{\{\s*(?P<name>name|output_name|default_datastore)\s*\}\}")


def full_uri(context: Context, uri: str) -> str:
    """A datastore's URI with the workspace in it, as the service answers it."""
    settings = context.settings
    start = (
        f"azureml://subscriptions/{settings.subscription_id}/resourcegroups/{settings.resource_group}"
        f"/workspaces/{settings.workspace}/datastores/"
    )
    return re.sub(r"^azureml://datastores/", start, uri)


def place(context: Context, target: Target, *, run: str, output: str, datastore: str = _DATASTORE) -> str:
    """The URI of an output of the run: the explicit one, or the default, with its placeholders filled."""
    values = {"name": run, "output_name": output, "default_datastore": datastore}
    uri = _PLACEHOLDER.sub(lambda match: values[match["name"]], target.uri or _DEFAULT)
    if target.type == "uri_file":
        uri = uri.rstrip("/")
    return full_uri(context, uri)


def places(
    context: Context, node: Node, run: str, parents: Mapping[str, str], settings: Settings | None = None
) -> dict[str, str]:
    """The URIs of a node's outputs; one that is bound to an output of the parent goes to that one's place."""
    datastore = settings.default_datastore if settings else _DATASTORE
    return {
        name: parents[target.bound or ""]
        if target.bound in parents
        else place(context, target, run=run, output=name, datastore=datastore)
        for name, target in node.outputs.items()
    }


def publish(
    services: Services, node: Node, run: Mapping[str, Any], *, parent: str, targets: Mapping[str, Target]
) -> None:
    """Let the pipeline have the outputs bound to its own, and register those that are to become assets.

    `targets` are the outputs of the pipeline job, as far as `parent` is one.
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
    """Make a data asset or model of an output that was given a name to register it by."""
    if not target.asset_name:
        return
    kind = str(output["type"])
    collection = models.KIND if kind.endswith("_model") else data.KIND
    version = target.asset_version or assets.next_version(assets.versions(context, collection, target.asset_name))
    if collection == models.KIND:
        properties = models.check(
            target.asset_name, version, {"modelType": kind, "modelUri": output["uri"], "jobName": job}, None
        )
    else:
        properties = {"dataType": kind, "dataUri": output["uri"], "properties": {"jobName": job}}
    assets.put(context, collection, target.asset_name, version, properties)

"""Where a job's files are: from an asset's id, a job's output or a URI to a place in storage or in the web."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from ... import assets
from ...assets import data, models
from ...blobs import Place
from ...context import Context
from ...datastores import SECRETS
from ...errors import ServiceError, bad_request, not_found, not_implemented
from ...settings import BLOB_SUFFIX, REGION
from ..definition.references import is_in_system_registry
from ..process.logs import artifact
from ..runs import ASSETS as RUN_OUTPUTS
from ..runs import KIND as RUNS

ARTIFACTS = "artifacts"
"""The output of every job that holds its logs, and what it wrote to `./outputs`."""

_VERSION_ID = re.compile(
    r"^(?:azureml:)?/subscriptions/.+/workspaces/[^/]+/(?P<kind>data|models|codes)/(?P<name>[^/]+)"
    r"/(?P<by>versions|labels)/(?P<version>[^/]+)$",
    re.IGNORECASE,
)
_RUN_ASSET = re.compile(
    r"^azureml://locations/[^/]+/workspaces/[^/]+/(?P<kind>data|models)/(?P<name>[^/]+)/versions/(?P<version>[^/]+)$"
)
_REGISTRY_ASSET = re.compile(r"^azureml://registries/(?P<registry>[^/]+)/(?P<kind>data|models|codes)/[^/]+/.+$")
_JOB_OUTPUT = re.compile(r"^azureml://jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+)(?:/paths(?:/(?P<below>.*))?)?/?$")
_MLFLOW = re.compile(r"^runs:/(?P<job>[^/?]+)/(?P<below>.+)$")
_NAMED = re.compile(r"^azureml:(?P<name>[^/:@]+)(?::(?P<version>[^/:@]+)|@(?P<label>[^/:@]+))$")
_DATASTORE = re.compile(
    r"^azureml://(?:subscriptions/(?P<subscription>[^/]+)/resource[gG]roups/(?P<group>[^/]+)/"
    r"(?:providers/Microsoft\.MachineLearningServices/)?workspaces/(?P<workspace>[^/]+)/)?"
    r"datastores/(?P<store>[^/]+)(?:/paths(?:/(?P<path>.*))?)?/?$",
    re.DOTALL,
)
_ACCOUNT = re.compile(r"^(?P<container>[^@/]+)@(?P<account>[a-z0-9]{3,24})\.(?:blob|dfs)\.core\.windows\.net$")
_BLOB_HOST = re.compile(r"^(?P<account>[a-z0-9]{3,24})\.(?:blob|dfs)\.core\.windows\.net$")
_MOST_LINKS = 8
_URI_FIELDS = {"data": "dataUri", "models": "modelUri", "codes": "codeUri"}
_TYPE_FIELDS = {"data": "dataType", "models": "modelType", "codes": ""}


@dataclass(frozen=True)
class Located:
    """Files that a reference stands for: their URI, the type they were registered with, the job that wrote them."""

    uri: str
    type: str | None = None
    job: str | None = None


@dataclass(frozen=True)
class OtherAccount:
    """A folder or blob in a container of another storage account, read as anybody may, or with the SAS in `query`."""

    account: str
    container: str
    path: str
    query: str = ""

    @property
    def url(self) -> str:
        """Its https URL."""
        at = f"https://{self.account}.{BLOB_SUFFIX}/{self.container}/{quote(self.path)}"
        return f"{at}?{self.query}" if self.query else at


@dataclass(frozen=True)
class WebFile:
    """A file of a web server."""

    url: str


Source = Place | OtherAccount | WebFile


def full_uri(context: Context, uri: str) -> str:
    """A datastore's URI with the workspace in it, as the service answers it; any other URI as it is."""
    settings = context.settings
    start = (
        f"azureml://subscriptions/{settings.subscription_id}/resourcegroups/{settings.resource_group}"
        f"/workspaces/{settings.workspace}/datastores/"
    )
    return re.sub(r"^azureml://datastores/", start, uri)


def locate(context: Context, reference: str, kind: str = "uri_folder") -> str:
    """The URI of the files that an id or a URI stands for; `kind` is the type of the input that is to have them.

    Raises ServiceError (400, 404, 501) if there is none.
    """
    return find(context, reference, kind).uri


def find(context: Context, reference: str, kind: str = "uri_folder", *, links: int = 0) -> Located:
    """What an id, a name or a URI stands for; `links` is how many assets led here.

    Raises ServiceError (400, 404, 501) if it stands for nothing here.
    """
    if links > _MOST_LINKS:
        raise bad_request(f"{reference} is an asset of an asset of an asset, and so on")
    if match := _VERSION_ID.match(reference) or _RUN_ASSET.match(reference):
        return _version(context, reference, match, links)
    if match := _NAMED.match(reference):
        collection = models.KIND if kind.endswith("_model") else data.KIND
        version = match["version"] or match["label"]
        return _asset(context, collection, assets.resolve(context, collection, match["name"], version), links)
    if _REGISTRY_ASSET.match(reference):
        return _of_registry(context, reference, links)
    if match := _JOB_OUTPUT.match(reference):
        return _output(context, match["job"], match["output"], match["below"] or "")
    if match := _MLFLOW.match(reference):
        return _output(context, match["job"], ARTIFACTS, match["below"])
    resolve(context, reference)
    return Located(full_uri(context, reference))


def resolve(context: Context, uri: str) -> Source:
    """Where the files of a URI are. Raises ServiceError: 400 for what is no place, 501 for one that is out of reach."""
    if match := _DATASTORE.match(uri):
        return _of_datastore(context, uri, match)
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise bad_request(f"{uri} is not a URI: {error}") from error
    if parts.scheme in {"wasbs", "wasb", "abfss", "abfs"}:
        if match := _ACCOUNT.match(parts.netloc):
            return _of_account(context, match["account"], match["container"], unquote(parts.path), parts.query)
        raise bad_request(f"{uri} is not of the form {parts.scheme}://CONTAINER@ACCOUNT.blob.core.windows.net/PATH")
    if parts.scheme == "adl":
        raise not_implemented(f"Azure Data Lake Storage Gen1 ({uri})")
    if parts.scheme in {"https", "http"} and parts.hostname:
        if match := _BLOB_HOST.match(parts.hostname):
            container, _, path = unquote(parts.path).lstrip("/").partition("/")
            return _of_account(context, match["account"], container, path, parts.query)
        return WebFile(uri)
    raise bad_request(
        f"{uri} is no place of files: give a data asset (azureml:NAME:VERSION), a datastore's path "
        "(azureml://datastores/NAME/paths/PATH), a job's output (azureml://jobs/NAME/outputs/OUTPUT), or an https://, "
        "wasbs:// or abfss:// URI"
    )


def place(context: Context, uri: str) -> Place:
    """The place in this workspace's storage account that a URI names. Raises ServiceError (400, 501)."""
    source = resolve(context, uri)
    if not isinstance(source, Place):
        raise bad_request(f"{uri} is not in the storage of workspace {context.settings.workspace}")
    return source


def artifacts(context: Context, run: str) -> str:
    """The URI of the folder that holds what the run logged and wrote to `./outputs`."""
    return full_uri(context, f"azureml://datastores/workspaceartifactstore/paths/{artifact(run, '').prefix}")


def default_datastore(context: Context) -> str:
    """The name of the workspace's default datastore."""
    for datastore in context.store.list("datastores", f"{context.workspace_id}/datastores/"):
        if datastore["properties"].get("isDefault"):
            return str(datastore["name"])
    return "workspaceblobstore"


def _version(context: Context, reference: str, match: re.Match[str], links: int) -> Located:
    """A version by an ARM id or by the id that run history gives; outputs of jobs are versions, too, without a name."""
    groups = match.groupdict()
    kind, name, version = groups["kind"].lower(), groups["name"], groups["version"]
    if (groups.get("by") or "").lower() == "labels":
        return _asset(context, kind, assets.resolve(context, kind, name, version), links)
    identity = assets.version_id(context, kind, name, version)
    if groups.get("by") and reference.removeprefix("azureml:").lower() != identity.lower():
        raise bad_request(f"{reference} is not in workspace {context.settings.workspace}")
    if stored := context.store.get(kind, identity):
        return _asset(context, kind, stored, links)
    workspace = context.settings.workspace
    output = f"azureml://locations/{REGION}/workspaces/{workspace}/{kind}/{name}/versions/{version}"
    if stored := context.store.get(RUN_OUTPUTS, output):
        return Located(str(stored["uri"]), str(stored["type"]))
    raise not_found(f"{kind} {name}:{version} not found in workspace {context.settings.workspace}.", "UserError")


def _asset(context: Context, kind: str, version: dict[str, Any], links: int) -> Located:
    properties = version["properties"]
    located = find(context, str(properties[_URI_FIELDS[kind]]), links=links + 1)
    job = properties.get("jobName") or (properties.get("properties") or {}).get("jobName")
    return Located(located.uri, properties.get(_TYPE_FIELDS[kind]), job or located.job)


def _of_registry(context: Context, reference: str, links: int) -> Located:
    match = _REGISTRY_ASSET.match(reference)
    kind = match["kind"] if match else data.KIND
    try:
        found = assets.find(context, kind, reference)
    except ServiceError as error:
        if is_in_system_registry(reference):
            raise not_implemented(f"an asset of Microsoft's own registries ({reference})") from error
        raise
    return _asset(context, kind, found, links)


def _output(context: Context, job: str, output: str, below: str) -> Located:
    run = context.store.get(RUNS, job) or _run_in_mlflow(context, job)
    if run is None:
        raise not_found(f"Job {job} not found in workspace {context.settings.workspace}.", "UserError")
    kind = None
    if output == ARTIFACTS:
        uri = artifacts(context, str(run["name"]))
    else:
        found = (run.get("outputs") or {}).get(output)
        if found is None:
            raise not_found(f"job {job} has no output {output}", "UserError")
        uri, kind = str(found["uri"]), None if below else str(found["type"])
    return Located("/".join([uri.rstrip("/"), below]) if below else uri, kind, str(run["name"]))


def _run_in_mlflow(context: Context, identity: str) -> dict[str, Any] | None:
    """The run whose MLflow run has this id, by which MLflow's own URIs name it."""
    return next((run for run in context.store.list(RUNS) if run.get("mlflow") == identity), None)


def _of_datastore(context: Context, uri: str, match: re.Match[str]) -> Source:
    settings, path = context.settings, match["path"] or ""
    ours = (settings.subscription_id, settings.resource_group, settings.workspace)
    named = (match["subscription"], match["group"], match["workspace"])
    if named[0] is not None and tuple(str(one).lower() for one in named) != tuple(one.lower() for one in ours):
        raise bad_request(f"{uri} is in another workspace than {settings.workspace}")
    identity = f"{context.workspace_id}/datastores/{match['store']}"
    datastore = context.store.get("datastores", identity)
    if datastore is None:
        raise not_found(f"Datastore {match['store']} not found in workspace {settings.workspace}.", "UserError")
    kept = context.store.get(SECRETS, identity) or {}
    return _in_datastore(context, match["store"], datastore["properties"], path, kept.get("secret"))


def _in_datastore(context: Context, name: str, properties: dict[str, Any], path: str, secret: str | None) -> Source:
    kind, account = properties.get("datastoreType"), properties.get("accountName")
    container = properties.get({"AzureBlob": "containerName", "AzureDataLakeGen2": "filesystem"}.get(str(kind), ""))
    if not container:
        raise not_implemented(f"reading or writing files in a datastore of type {kind} ({name})")
    if account != context.settings.storage_account:
        raise not_implemented(
            f"reading or writing files in another storage account than the workspace's "
            f"(datastore {name}, account {account})"
        )
    return replace(_checked(str(container), path), secret=secret)


def _of_account(context: Context, account: str, container: str, path: str, query: str) -> Source:
    place_ = _checked(container, path)
    if account == context.settings.storage_account:
        return place_
    return OtherAccount(account, place_.container, place_.prefix, query)


def _checked(container: str, path: str) -> Place:
    if not container:
        raise bad_request("the URI names a storage account, but no container in it")
    if {".", ".."} & set(path.split("/")):
        # Clients take dots out of a URL before they send it: the request would be for another blob.
        raise bad_request(f"the path {path} has '.' or '..' as a part of it")
    return Place(container, path.strip("/"))

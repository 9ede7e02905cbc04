"""MLflow's model registry, on the workspace's models: what is registered in MLflow is a model of the workspace.

The requests and answers are those of MLflow's REST API, https://mlflow.org/docs/latest/rest-api.html; stages are the
models' own, and aliases are not implemented.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any

from ... import assets
from ...assets import containers, models, version_routes
from ...blobs import Place
from ...context import Context
from ...errors import ServiceError, not_implemented
from .. import register_model
from ..files import artifacts
from ..services import Services
from ..stopping import JobFailed
from .logged_models import LoggedModels

_KIND = models.KIND
_STAGES = ("None", "Staging", "Production", "Archived")
_READS_FILES = frozenset({"model-versions/create"})
_MOST = 1000
_LONGEST_FILTER = 2000
_MODEL = re.compile(r"models:/(?:(?P<logged>m-[0-9a-f]+)|(?P<name>[^/@]+)/(?P<version>[^/]+))")
_CONDITION = re.compile(
    r"\s*(?:attributes?\.)?(?P<field>name|run_id|source_path|version_number|tags?\.(?:\w+|`[^`]+`|\"[^\"]+\"))\s*"
    r"(?P<comparison>=|!=|LIKE|ILIKE)\s*'(?P<value>[^']*)'\s*",
    re.IGNORECASE,
)

Body = Mapping[str, Any]
Answer = dict[str, Any]
Compare = Callable[[str, str], bool]


def refused(status: int, code: str, message: str) -> ServiceError:
    """An error with one of MLflow's own codes."""
    return ServiceError(status, code, message)


def _missing(what: str) -> ServiceError:
    return refused(404, "RESOURCE_DOES_NOT_EXIST", f"{what} not found")


def _invalid(message: str) -> ServiceError:
    return refused(400, "INVALID_PARAMETER_VALUE", message)


def _like(pattern: str, *, flags: int = 0) -> re.Pattern[str]:
    parts = (".*" if part == "%" else "." if part == "_" else re.escape(part) for part in re.split("([%_])", pattern))
    return re.compile("".join(parts), flags | re.DOTALL)


_COMPARE: dict[str, Compare] = {
    "=": lambda value, given: value == given,
    "!=": lambda value, given: value != given,
    "LIKE": lambda value, given: bool(_like(given).fullmatch(value)),
    "ILIKE": lambda value, given: bool(_like(given, flags=re.IGNORECASE).fullmatch(value)),
}


def conditions(text: str) -> list[tuple[str, Compare, str]]:
    """The parts of a search's filter, all of which have to hold: field, comparison, value.

    Raises ServiceError (400) for a filter that is none.
    """
    if len(text) > _LONGEST_FILTER:
        raise _invalid(f"The filter string has more than {_LONGEST_FILTER} characters.")
    found = []
    for part in re.split(r"\bAND\b(?=(?:[^']*'[^']*')*[^']*$)", text, flags=re.IGNORECASE) if text.strip() else []:
        match = _CONDITION.fullmatch(part)
        if match is None:
            raise _invalid(f"Invalid filter string: {text}")
        field = match["field"].replace("`", "").replace('"', "")
        found.append((field, _COMPARE[match["comparison"].upper()], match["value"]))
    return found


class Registry:
    """Answers the requests for registered models and their versions."""

    def __init__(self, services: Services) -> None:
        self._context: Context = services.context
        self._scope = assets.workspace(services.context)
        self._logged_models = LoggedModels(services)
        self._operations: dict[tuple[str, str], Callable[[Body, bool], Answer]] = {
            ("POST", "registered-models/create"): self._create,
            ("GET", "registered-models/get"): self._get,
            ("PATCH", "registered-models/update"): self._update,
            ("DELETE", "registered-models/delete"): self._delete,
            ("GET", "registered-models/search"): self._search,
            ("GET", "registered-models/get-latest-versions"): self._latest_versions,
            ("POST", "registered-models/get-latest-versions"): self._latest_versions,
            ("POST", "registered-models/set-tag"): self._set_tag,
            ("DELETE", "registered-models/delete-tag"): self._delete_tag,
            ("POST", "model-versions/create"): self._create_version,
            ("GET", "model-versions/get"): self._get_version,
            ("PATCH", "model-versions/update"): self._update_version,
            ("DELETE", "model-versions/delete"): self._delete_version,
            ("GET", "model-versions/search"): self._search_versions,
            ("GET", "model-versions/get-download-uri"): self._download_uri,
            ("POST", "model-versions/transition-stage"): self._transition,
            ("POST", "model-versions/set-tag"): self._set_version_tag,
            ("DELETE", "model-versions/delete-tag"): self._delete_version_tag,
        }

    def answer(self, method: str, operation: str, body: Body, *, azureml: bool) -> Answer:
        """The answer to an operation such as `model-versions/get`. Blocks. Raises ServiceError."""
        perform = self._operations.get((method, operation))
        if perform is None:
            raise not_implemented(f"{method} {operation} of MLflow's model registry")
        if operation in _READS_FILES:  # Not in a transaction: others would wait for storage meanwhile.
            return perform(body, azureml)
        with self._context.store.transaction():
            return perform(body, azureml)

    # Registered models: the containers of the workspace's models.

    def _create(self, body: Body, azureml: bool) -> Answer:
        name = _text(body, "name")
        try:
            version_routes.check_name(_KIND, name)
        except ServiceError as error:
            raise _invalid(error.message) from error
        if self._container(name) is not None:
            raise refused(400, "RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists.")
        said = {"tags": _tags(body), "description": _optional(body, "description")}
        containers.put(self._context, _KIND, name, said, self._scope)
        return {"registered_model": self._model(name, azureml=azureml)}

    def _container(self, name: str) -> Answer | None:
        try:
            return containers.get(self._context, _KIND, name, self._scope)
        except ServiceError:
            return None

    def _existing(self, body: Body) -> str:
        name = _text(body, "name")
        if self._container(name) is None:
            raise _missing(f"Registered Model with name={name}")
        return name

    def _model(self, name: str, *, azureml: bool) -> Answer:
        container = self._container(name)
        if container is None:
            raise _missing(f"Registered Model with name={name}")
        properties, existing = container["properties"], self._versions(container["name"])
        newest: dict[str, Answer] = {}
        for version in existing:
            newest.setdefault(_stage(version), version)
        return {
            "name": container["name"],
            "creation_timestamp": _milliseconds(container["systemData"]["createdAt"]),
            "last_updated_timestamp": _milliseconds(container["systemData"]["lastModifiedAt"]),
            "description": properties.get("description") or "",
            "latest_versions": [self._version(version, azureml=azureml) for version in newest.values()],
            "tags": _listed(properties.get("tags") or {}),
        }

    def _get(self, body: Body, azureml: bool) -> Answer:
        return {"registered_model": self._model(self._existing(body), azureml=azureml)}

    def _say(self, name: str, **said: Any) -> None:
        properties = (self._container(name) or {})["properties"]
        containers.put(self._context, _KIND, name, {**properties, **said}, self._scope)

    def _update(self, body: Body, azureml: bool) -> Answer:
        name = self._existing(body)
        self._say(name, description=_optional(body, "description"))
        return {"registered_model": self._model(name, azureml=azureml)}

    def _delete(self, body: Body, _: bool) -> Answer:
        containers.delete(self._context, _KIND, self._existing(body), self._scope)
        return {}

    def _set_tag(self, body: Body, _: bool) -> Answer:
        name = self._existing(body)
        tags = (self._container(name) or {})["properties"].get("tags") or {}
        self._say(name, tags={**tags, _text(body, "key"): str(body.get("value", ""))})
        return {}

    def _delete_tag(self, body: Body, _: bool) -> Answer:
        name, key = self._existing(body), _text(body, "key")
        tags = (self._container(name) or {})["properties"].get("tags") or {}
        self._say(name, tags={k: v for k, v in tags.items() if k != key})
        return {}

    def _search(self, body: Body, azureml: bool) -> Answer:
        wanted = conditions(str(body.get("filter") or ""))
        names = containers.names(self._context, _KIND, self._scope)
        found = [model for name in names if _holds(model := self._model(name, azureml=azureml), wanted)]
        return _page(body, "registered_models", found)

    def _latest_versions(self, body: Body, azureml: bool) -> Answer:
        found = self._model(self._existing(body), azureml=azureml)["latest_versions"]
        stages = body.get("stages") or []
        wanted = [stages] if isinstance(stages, str) else stages
        if not isinstance(wanted, list):
            raise _invalid("Invalid value for parameter 'stages'.")
        return {"model_versions": [v for v in found if not wanted or v["current_stage"] in wanted]}

    # Versions.

    def _versions(self, name: str) -> list[Answer]:
        found = assets.versions(self._context, _KIND, name, self._scope)
        return [version for version in found if not version["properties"].get("isArchived")]

    def _stored(self, body: Body) -> Answer:
        name, version = _text(body, "name"), _text(body, "version")
        stored = self._context.store.get(_KIND, self._scope.version_id(_KIND, name, version))
        if stored is None:
            raise _missing(f"Model Version (name={name}, version={version})")
        return stored

    def _version(self, stored: Answer, *, azureml: bool) -> Answer:
        properties = stored["properties"]
        return {
            "name": stored["id"].split("/")[-3],
            "version": stored["name"],
            "creation_timestamp": _milliseconds(stored["systemData"]["createdAt"]),
            "last_updated_timestamp": _milliseconds(stored["systemData"]["lastModifiedAt"]),
            "user_id": stored["systemData"]["createdBy"],
            "current_stage": _stage(stored),
            "description": properties.get("description") or "",
            "source": self._source(properties, azureml=azureml),
            "run_id": properties.get("jobName") or "",
            "status": "READY",
            "status_message": "",
            "run_link": "",
            "tags": _listed(properties.get("tags") or {}),
        }

    def _source(self, properties: Mapping[str, Any], *, azureml: bool) -> str:
        try:
            address = artifacts.parse(self._context, properties["modelUri"])
        except ServiceError:
            return str(properties["modelUri"])  # Not in storage of ours: for the client to see what it can do with it.
        return artifacts.client_uri(address, azureml=azureml)

    def _create_version(self, body: Body, azureml: bool) -> Answer:
        name = self._existing(body)
        address = self._address(_text(body, "source"))
        properties = {
            "modelUri": artifacts.datastore_uri(self._context, address),
            "jobName": _optional(body, "run_id") or _run_of(address),
            "description": _optional(body, "description"),
            "tags": _tags(body),
            **self._described(address),
        }
        with self._context.store.transaction():
            version = assets.next_version(assets.versions(self._context, _KIND, name, self._scope))
            checked = models.check(name, version, properties, None)
            stored = assets.put(self._context, _KIND, name, version, checked, scope=self._scope)
        return {"model_version": self._version(stored, azureml=azureml)}

    def _address(self, source: str) -> artifacts.Address:
        """The files that a version is made of: logged, those of another version, or somewhere in storage."""
        match = _MODEL.fullmatch(source)
        if match is None:
            return artifacts.parse(self._context, source)
        if match["logged"]:
            return self._logged_models.address(match["logged"], "")
        stored = self._stored({"name": match["name"], "version": match["version"]})
        return artifacts.parse(self._context, stored["properties"]["modelUri"])

    def _described(self, address: artifacts.Address) -> Answer:
        place = artifacts.place(self._context, address)
        text = self._context.blobs.read(Place(place.container, f"{place.prefix}/MLmodel"))
        if text is None:
            raise _invalid(
                f"Unable to find a logged_model with artifact_path {address.path} under {address}: no MLmodel"
            )
        try:
            return {"modelType": "mlflow_model", "flavors": register_model.flavors(text)}
        except JobFailed as error:
            raise _invalid(error.message) from error

    def _get_version(self, body: Body, azureml: bool) -> Answer:
        return {"model_version": self._version(self._stored(body), azureml=azureml)}

    def _change(self, stored: Answer, **changes: Any) -> Answer:
        properties = {**stored["properties"], **changes}
        return assets.put(
            self._context, _KIND, stored["id"].split("/")[-3], stored["name"], properties, scope=self._scope
        )

    def _update_version(self, body: Body, azureml: bool) -> Answer:
        stored = self._change(self._stored(body), description=_optional(body, "description"))
        return {"model_version": self._version(stored, azureml=azureml)}

    def _delete_version(self, body: Body, _: bool) -> Answer:
        self._context.store.delete(_KIND, self._stored(body)["id"])
        return {}

    def _set_version_tag(self, body: Body, _: bool) -> Answer:
        stored = self._stored(body)
        tags = stored["properties"].get("tags") or {}
        self._change(stored, tags={**tags, _text(body, "key"): str(body.get("value", ""))})
        return {}

    def _delete_version_tag(self, body: Body, _: bool) -> Answer:
        stored, key = self._stored(body), _text(body, "key")
        tags = stored["properties"].get("tags") or {}
        self._change(stored, tags={k: v for k, v in tags.items() if k != key})
        return {}

    def _transition(self, body: Body, azureml: bool) -> Answer:
        stage = {one.lower(): one for one in _STAGES}.get(_text(body, "stage").lower())
        if stage is None:
            raise _invalid(f"Invalid Model Version stage: {body['stage']}. Value must be one of {', '.join(_STAGES)}.")
        stored = self._change(self._stored(body), stage=stage)
        if str(body.get("archive_existing_versions", "")).lower() == "true":
            for other in self._versions(_text(body, "name")):
                if other["id"] != stored["id"] and _stage(other) == stage:
                    self._change(other, stage="Archived")
        return {"model_version": self._version(stored, azureml=azureml)}

    def _search_versions(self, body: Body, azureml: bool) -> Answer:
        wanted = conditions(str(body.get("filter") or ""))
        named = [value for field, compare, value in wanted if field == "name" and compare is _COMPARE["="]]
        names = named or containers.names(self._context, _KIND, self._scope)
        every = [version for name in names for version in self._versions(name)]
        listed = [self._version(one, azureml=azureml) for one in every]
        found = [one for one in listed if _holds({**one, "source_path": one["source"]}, wanted)]
        return _page(body, "model_versions", sorted(found, key=lambda v: v["last_updated_timestamp"], reverse=True))

    def _download_uri(self, body: Body, azureml: bool) -> Answer:
        return {"artifact_uri": self._source(self._stored(body)["properties"], azureml=azureml)}


def _run_of(address: artifacts.Address) -> str | None:
    if address.origin != artifacts.RUN_ORIGIN:
        return None
    return address.container.removeprefix("dcid.")


def _text(body: Body, field: str) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not value:
        raise _invalid(f"Missing value for required parameter '{field}'.")
    return value


def _optional(body: Body, field: str) -> str | None:
    return _text(body, field) if body.get(field) not in (None, "") else None


def _stage(version: Answer) -> str:
    return str(version["properties"].get("stage") or _STAGES[0])


def _tags(body: Body) -> dict[str, str]:
    listed = body.get("tags") or []
    if not isinstance(listed, list) or not all(isinstance(tag, dict) and "key" in tag for tag in listed):
        raise _invalid("Invalid value for parameter 'tags'.")
    return {str(tag["key"]): str(tag.get("value", "")) for tag in listed}


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _holds(found: Answer, wanted: list[tuple[str, Compare, str]]) -> bool:
    tags = {tag["key"]: tag["value"] for tag in found["tags"]}
    for field, compare, given in wanted:
        kind, _, key = field.partition(".")
        value = tags.get(key) if key and kind.lower() in {"tag", "tags"} else found.get(field.lower())
        if value is None or not compare(str(value), given):
            return False
    return True


def _page(body: Body, field: str, found: list[Answer]) -> Answer:
    try:
        first, size = int(body.get("page_token") or 0), int(body.get("max_results") or _MOST)
    except (TypeError, ValueError) as error:
        raise _invalid("page_token or max_results is not a number") from error
    if first < 0 or size < 1:
        raise _invalid("page_token or max_results is out of range")
    last = first + min(size, _MOST)
    more = {"next_page_token": str(last)} if last < len(found) else {}
    return {field: found[first:last], **more}


def _milliseconds(stamp: str) -> int:
    return int(dt.datetime.fromisoformat(stamp).timestamp() * 1000)

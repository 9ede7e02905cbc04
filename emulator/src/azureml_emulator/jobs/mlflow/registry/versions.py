"""Versions in MLflow's model registry: the versions of the workspace's models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .... import assets
from ....assets import containers, models
from ....blobs import Place
from ....context import Context
from ....errors import ServiceError
from ... import register_model
from ...files import artifacts
from ...services import Services
from ...stopping import JobFailed
from ..logged_models import LoggedModels
from . import bodies, filters
from .bodies import Answer, Body

_KIND = models.KIND
_MODEL = re.compile(r"models:/(?:(?P<logged>m-[0-9a-f]+)|(?P<name>[^/@]+)/(?P<version>[^/]+))")


class ModelVersions:
    """Answers the requests for `model-versions/…`."""

    def __init__(self, services: Services) -> None:
        self._context: Context = services.context
        self._scope = assets.workspace(services.context)
        self._logged_models = LoggedModels(services)

    def every(self, name: str) -> list[Answer]:
        """The versions of a model that are not archived, newest first."""
        found = assets.versions(self._context, _KIND, name, self._scope)
        return [version for version in found if not version["properties"].get("isArchived")]

    def _stored(self, body: Body) -> Answer:
        name, version = bodies.text(body, "name"), bodies.text(body, "version")
        stored = self._context.store.get(_KIND, self._scope.version_id(_KIND, name, version))
        if stored is None:
            raise bodies.missing(f"Model Version (name={name}, version={version})")
        return stored

    def told(self, stored: Answer, *, azureml: bool) -> Answer:
        """A version as it is answered."""
        properties = stored["properties"]
        return {
            "name": stored["id"].split("/")[-3],
            "version": stored["name"],
            "creation_timestamp": bodies.milliseconds(stored["systemData"]["createdAt"]),
            "last_updated_timestamp": bodies.milliseconds(stored["systemData"]["lastModifiedAt"]),
            "user_id": stored["systemData"]["createdBy"],
            "current_stage": bodies.stage(stored),
            "description": properties.get("description") or "",
            "source": self._source(properties, azureml=azureml),
            "run_id": properties.get("jobName") or "",
            "status": "READY",
            "status_message": "",
            "run_link": "",
            "tags": bodies.listed(properties.get("tags") or {}),
        }

    def _source(self, properties: Mapping[str, Any], *, azureml: bool) -> str:
        try:
            address = artifacts.parse(self._context, properties["modelUri"])
        except ServiceError:
            return str(properties["modelUri"])  # Not in storage of ours: for the client to see what it can do with it.
        return artifacts.client_uri(address, azureml=azureml)

    def create(self, body: Body, azureml: bool) -> Answer:
        """Register a version."""
        name = existing(self._context, self._scope, body)
        address = self._address(bodies.text(body, "source"))
        properties = {
            "modelUri": artifacts.datastore_uri(self._context, address),
            "jobName": bodies.optional(body, "run_id") or _run_of(address),
            "description": bodies.optional(body, "description"),
            "tags": bodies.tags(body),
            **self._described(address),
        }
        with self._context.store.transaction():
            version = assets.next_version(assets.versions(self._context, _KIND, name, self._scope))
            checked = models.check(name, version, properties, None)
            stored = assets.put(self._context, _KIND, name, version, checked, scope=self._scope)
        return {"model_version": self.told(stored, azureml=azureml)}

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
            raise bodies.invalid(
                f"Unable to find a logged_model with artifact_path {address.path} under {address}: no MLmodel"
            )
        try:
            return {"modelType": "mlflow_model", "flavors": register_model.flavors(text)}
        except JobFailed as error:
            raise bodies.invalid(error.message) from error

    def get(self, body: Body, azureml: bool) -> Answer:
        """Tell what a version is."""
        return {"model_version": self.told(self._stored(body), azureml=azureml)}

    def _change(self, stored: Answer, **changes: Any) -> Answer:
        properties = {**stored["properties"], **changes}
        return assets.put(
            self._context, _KIND, stored["id"].split("/")[-3], stored["name"], properties, scope=self._scope
        )

    def update(self, body: Body, azureml: bool) -> Answer:
        """Describe a version."""
        stored = self._change(self._stored(body), description=bodies.optional(body, "description"))
        return {"model_version": self.told(stored, azureml=azureml)}

    def delete(self, body: Body, _: bool) -> Answer:
        """Forget a version."""
        self._context.store.delete(_KIND, self._stored(body)["id"])
        return {}

    def set_tag(self, body: Body, _: bool) -> Answer:
        """Tag a version."""
        stored = self._stored(body)
        tags = stored["properties"].get("tags") or {}
        self._change(stored, tags={**tags, bodies.text(body, "key"): str(body.get("value", ""))})
        return {}

    def delete_tag(self, body: Body, _: bool) -> Answer:
        """Take a tag off a version."""
        stored, key = self._stored(body), bodies.text(body, "key")
        tags = stored["properties"].get("tags") or {}
        self._change(stored, tags={k: v for k, v in tags.items() if k != key})
        return {}

    def transition(self, body: Body, azureml: bool) -> Answer:
        """Put a version in a stage."""
        stage = bodies.stage_called(bodies.text(body, "stage"))
        stored = self._change(self._stored(body), stage=stage)
        if str(body.get("archive_existing_versions", "")).lower() == "true":
            for other in self.every(bodies.text(body, "name")):
                if other["id"] != stored["id"] and bodies.stage(other) == stage:
                    self._change(other, stage="Archived")
        return {"model_version": self.told(stored, azureml=azureml)}

    def search(self, body: Body, azureml: bool) -> Answer:
        """Find a versions by a filter."""
        wanted = filters.conditions(str(body.get("filter") or ""))
        names = filters.names(wanted) or containers.names(self._context, _KIND, self._scope)
        every = [version for name in names for version in self.every(name)]
        listed = [self.told(one, azureml=azureml) for one in every]
        found = [one for one in listed if filters.holds({**one, "source_path": one["source"]}, wanted)]
        return bodies.page(
            body, "model_versions", sorted(found, key=lambda v: v["last_updated_timestamp"], reverse=True)
        )

    def download_uri(self, body: Body, azureml: bool) -> Answer:
        """Tell where a version's files are."""
        return {"artifact_uri": self._source(self._stored(body)["properties"], azureml=azureml)}


def _run_of(address: artifacts.Address) -> str | None:
    if address.origin != artifacts.RUN_ORIGIN:
        return None
    return address.container.removeprefix("dcid.")


def container(context: Context, scope: assets.Scope, name: str) -> Answer | None:
    """The model called `name`, or None."""
    try:
        return containers.get(context, _KIND, name, scope)
    except ServiceError:
        return None


def existing(context: Context, scope: assets.Scope, body: Body) -> str:
    """The name of the model that the request is about. Raises ServiceError (404) if there is none."""
    name = bodies.text(body, "name")
    if container(context, scope, name) is None:
        raise bodies.missing(f"Registered Model with name={name}")
    return name

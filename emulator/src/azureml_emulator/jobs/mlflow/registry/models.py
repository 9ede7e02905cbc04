"""Models in MLflow's model registry: the containers of the workspace's models."""

from __future__ import annotations

from typing import Any

from .... import assets
from ....assets import containers, models, version_routes
from ....context import Context
from ....errors import ServiceError
from . import bodies, filters
from .bodies import Answer, Body
from .versions import ModelVersions, container, existing

_KIND = models.KIND


class RegisteredModels:
    """Answers the requests for `registered-models/…`."""

    def __init__(self, context: Context, versions: ModelVersions) -> None:
        self._context = context
        self._scope = assets.workspace(context)
        self._versions = versions

    def create(self, body: Body, azureml: bool) -> Answer:
        """Register a model."""
        name = bodies.text(body, "name")
        try:
            version_routes.check_name(_KIND, name)
        except ServiceError as error:
            raise bodies.invalid(error.message) from error
        if container(self._context, self._scope, name) is not None:
            raise bodies.refused(400, "RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists.")
        said = {"tags": bodies.tags(body), "description": bodies.optional(body, "description")}
        containers.put(self._context, _KIND, name, said, self._scope)
        return {"registered_model": self._model(name, azureml=azureml)}

    def _model(self, name: str, *, azureml: bool) -> Answer:
        found = container(self._context, self._scope, name)
        if found is None:
            raise bodies.missing(f"Registered Model with name={name}")
        properties, versions = found["properties"], self._versions.every(found["name"])
        newest: dict[str, Answer] = {}
        for version in versions:
            newest.setdefault(bodies.stage(version), version)
        return {
            "name": found["name"],
            "creation_timestamp": bodies.milliseconds(found["systemData"]["createdAt"]),
            "last_updated_timestamp": bodies.milliseconds(found["systemData"]["lastModifiedAt"]),
            "description": properties.get("description") or "",
            "latest_versions": [self._versions.told(version, azureml=azureml) for version in newest.values()],
            "tags": bodies.listed(properties.get("tags") or {}),
        }

    def get(self, body: Body, azureml: bool) -> Answer:
        """Tell what a model is."""
        return {"registered_model": self._model(existing(self._context, self._scope, body), azureml=azureml)}

    def _say(self, name: str, **said: Any) -> None:
        properties = (container(self._context, self._scope, name) or {})["properties"]
        containers.put(self._context, _KIND, name, {**properties, **said}, self._scope)

    def update(self, body: Body, azureml: bool) -> Answer:
        """Describe a model."""
        name = existing(self._context, self._scope, body)
        self._say(name, description=bodies.optional(body, "description"))
        return {"registered_model": self._model(name, azureml=azureml)}

    def delete(self, body: Body, _: bool) -> Answer:
        """Forget a model."""
        containers.delete(self._context, _KIND, existing(self._context, self._scope, body), self._scope)
        return {}

    def set_tag(self, body: Body, _: bool) -> Answer:
        """Tag a model."""
        name = existing(self._context, self._scope, body)
        tags = (container(self._context, self._scope, name) or {})["properties"].get("tags") or {}
        self._say(name, tags={**tags, bodies.text(body, "key"): str(body.get("value", ""))})
        return {}

    def delete_tag(self, body: Body, _: bool) -> Answer:
        """Take a tag off a model."""
        name, key = existing(self._context, self._scope, body), bodies.text(body, "key")
        tags = (container(self._context, self._scope, name) or {})["properties"].get("tags") or {}
        self._say(name, tags={k: v for k, v in tags.items() if k != key})
        return {}

    def search(self, body: Body, azureml: bool) -> Answer:
        """Find a models by a filter."""
        wanted = filters.conditions(str(body.get("filter") or ""))
        names = containers.names(self._context, _KIND, self._scope)
        found = [model for name in names if filters.holds(model := self._model(name, azureml=azureml), wanted)]
        return bodies.page(body, "registered_models", found)

    def latest_versions(self, body: Body, azureml: bool) -> Answer:
        """List the newest version of each stage."""
        found = self._model(existing(self._context, self._scope, body), azureml=azureml)["latest_versions"]
        stages = body.get("stages") or []
        wanted = [stages] if isinstance(stages, str) else stages
        if not isinstance(wanted, list):
            raise bodies.invalid("Invalid value for parameter 'stages'.")
        return {"model_versions": [v for v in found if not wanted or v["current_stage"] in wanted]}

"""The registry's component `register_model`, version 0.0.21: registers a folder as a model of the workspace.

Azure/azureml-assets, assets/common/components/register_model/spec.yaml and assets/common/src/register.py (MIT): the
inputs, the output and the file in it, and how the name and the version are found, are those of that component.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from .. import assets
from ..assets import models
from ..context import Context
from ..errors import ServiceError
from .stopping import JobFailed

NAME = "register_model"
VERSION = "0.0.21"
ID = f"azureml://registries/azureml/components/{NAME}/versions/{VERSION}"
DETAILS = "model_registration_details.json"
OUTPUT = "registration_details_folder"

_MODEL_TYPES = ("custom_model", "mlflow_model")
_OPTIONAL_STRING = {"type": "string", "optional": True}
_OPTIONAL_FILE = {"type": "uri_file", "optional": True}

SPEC: dict[str, Any] = {
    "name": NAME,
    "version": VERSION,
    "type": "command",
    "display_name": "Register model",
    "description": "Register a model to a workspace or a registry.",
    "is_deterministic": True,
    "tags": {"Preview": ""},
    "environment": "azureml://registries/azureml/environments/python-sdk-v2/versions/31",
    "command": (
        "python -u register.py --model_path ${{inputs.model_path}} $[[--model_type ${{inputs.model_type}}]] "
        "$[[--model_name ${{inputs.model_name}}]] $[[--model_version ${{inputs.model_version}}]] "
        "$[[--registry_name ${{inputs.registry_name}}]] "
        "$[[--model_download_metadata ${{inputs.model_download_metadata}}]] "
        '$[[--model_description "${{inputs.model_description}}"]] $[[--model_metadata ${{inputs.model_metadata}}]] '
        f"--registration_details_folder ${{{{outputs.{OUTPUT}}}}}"
    ),
    "inputs": {
        "model_name": _OPTIONAL_STRING,
        "model_version": _OPTIONAL_STRING,
        "model_type": {
            "type": "string",
            "optional": True,
            "enum": list(reversed(_MODEL_TYPES)),
            "default": "mlflow_model",
        },
        "model_description": _OPTIONAL_STRING,
        "registry_name": _OPTIONAL_STRING,
        "model_path": {"type": "uri_folder", "optional": False},
        "model_download_metadata": _OPTIONAL_FILE,
        "model_metadata": _OPTIONAL_FILE,
    },
    "outputs": {OUTPUT: {"type": "uri_folder"}},
}


def register(
    context: Context, inputs: Mapping[str, str], *, model_uri: str, job: str | None, details: Path
) -> dict[str, Any]:
    """Register the model and write into the folder `details` which one it became; the answer is that.

    `inputs` are the component's inputs, files as local paths; `model_uri` is where the model is in storage, and `job`
    the job that wrote it there, which the registered model then names. Raises JobFailed.
    """
    if inputs.get("registry_name"):
        raise JobFailed("registry_name: this emulator registers models in its workspace only")
    name, kind, properties = _read_metadata(inputs)
    if kind not in _MODEL_TYPES:
        raise JobFailed(f"Unsupported model type {kind!r}; it is one of {', '.join(_MODEL_TYPES)}")
    if not name:
        raise JobFailed("model_name is not given, and not in model_download_metadata either")
    name = re.sub(r"[^a-zA-Z0-9-]", "-", name)
    if kind == "mlflow_model":
        properties["flavors"] = _mlflow_flavors(Path(inputs["model_path"]))
    existing = assets.versions(context, models.KIND, name)
    version = inputs.get("model_version")
    if not version or version in {known["name"] for known in existing}:
        version = assets.next_version(existing)
    properties |= {"modelUri": model_uri, "modelType": kind, "jobName": job}
    try:
        checked = models.check(name, version, properties, None)
    except ServiceError as error:
        raise JobFailed(error.message, error.code) from error
    model = assets.put(context, models.KIND, name, version, checked)
    return _write_details(model, name, details)


def _read_metadata(inputs: Mapping[str, str]) -> tuple[str | None, str, dict[str, Any]]:
    """Name, type and properties of the model: the inputs, completed by the metadata files."""
    name, kind = inputs.get("model_name"), inputs.get("model_type") or "mlflow_model"
    properties: dict[str, Any] = {"description": inputs.get("model_description"), "tags": {}, "properties": {}}
    if file := inputs.get("model_download_metadata"):
        download = _mapping(Path(file))
        name = name or str(download.get("name", "")).replace("/", "-")
        properties["tags"] = download.get("tags") or {}
        properties["properties"] = download.get("properties") or {}
    if file := inputs.get("model_metadata"):
        metadata = _mapping(Path(file))
        properties["tags"] |= metadata.get("tags") or {}
        properties["properties"] |= metadata.get("properties") or {}
        properties["description"] = metadata.get("description", properties["description"])
        kind = str(metadata.get("type", kind))
    return name, kind, properties


def _mapping(file: Path) -> dict[str, Any]:
    # JSON is YAML, so one reader takes both.
    try:
        document = yaml.safe_load(file.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise JobFailed(f"cannot read the metadata {file.name}: {error}") from error
    if not isinstance(document, dict):
        raise JobFailed(f"the metadata {file.name} is not a mapping")
    return document


def _mlflow_flavors(folder: Path) -> dict[str, Any]:
    for described in (folder / "MLmodel", folder / "mlflow_model_folder" / "MLmodel"):
        if described.is_file():
            return flavors(described.read_bytes())
    raise JobFailed("model_type is mlflow_model, but model_path has no file MLmodel")


def flavors(text: bytes) -> dict[str, Any]:
    """The flavors in an MLmodel file, as they are on the wire: objects with strings in `data`. Raises JobFailed."""
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise JobFailed(f"the file MLmodel is not YAML: {error}") from error
    found = document.get("flavors") if isinstance(document, dict) else None
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise JobFailed("the file MLmodel has no mapping 'flavors'")
    return {name: {"data": {k: str(v) for k, v in one.items()}} for name, one in found.items()}


def _write_details(model: Mapping[str, Any], name: str, folder: Path) -> dict[str, Any]:
    properties = model["properties"]
    written = {
        "id": model["id"],
        "name": name,
        "version": model["name"],
        "path": properties["modelUri"],
        "flavors": properties["flavors"],
        "type": properties["modelType"],
        "properties": properties["properties"],
        "tags": properties["tags"],
        "description": properties["description"],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DETAILS).write_text(json.dumps(written, indent=4))
    return written

"""What must be so after every attempt of a run and at the end, as the workspace itself tells it over ARM."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from azure.storage.blob import BlobServiceClient

from azureml_emulator.settings import Settings
from soak.emulator.api import Api

from .project import COMPONENTS, COMPUTE, DATA, ENVIRONMENT, MANIFEST, MODEL, SHA
from .workflow import Attempt

_ENDED = frozenset({"Completed", "Failed", "Canceled"})
_ENDED_BADLY = frozenset({"Failed", "Canceled"})
_AT_REST = frozenset({"Stopped", None})


@dataclass
class Found:
    """What was found wrong, a line for each, by the kind of the mistake; and how many assets were read whole."""

    second_jobs: list[str] = field(default_factory=list)
    computes_left_running: list[str] = field(default_factory=list)
    half_registered_assets: list[str] = field(default_factory=list)
    models_missing: list[str] = field(default_factory=list)
    jobs: int = 0
    assets: Counter[str] = field(default_factory=Counter)

    def mistakes(self) -> list[str]:
        """All of them."""
        return [*self.second_jobs, *self.computes_left_running, *self.half_registered_assets, *self.models_missing]


class Workspace:
    """The emulator's workspace, looked at by ARM and in its storage."""

    def __init__(self, known: Settings, found: Found) -> None:
        self._api = Api(known)
        self._found = found
        self._storage = BlobServiceClient(
            known.blob_url,
            credential=known.storage_key,
            proxies={"https": f"http://127.0.0.1:{known.ports.proxy}"},
            connection_verify=str(known.certificates / "bundle.pem"),
        )

    def close(self) -> None:
        """End the connections."""
        self._api.close()
        self._storage.close()

    def delete_compute(self) -> None:
        """Let the compute be missing."""
        self._api.arm("DELETE", f"computes/{COMPUTE}?underlyingResourceAction=Delete", expected=(200, 202, 204, 404))

    def compute_state(self) -> str | None:
        """The state of the compute; None if there is none."""
        compute = self._api.arm("GET", f"computes/{COMPUTE}", expected=(200, 404))
        return None if compute is None else str(compute["properties"]["properties"]["state"])

    def check_clean(self, attempt: Attempt) -> None:
        """After the clean-up no compute runs, and no job of the run either."""
        where = f"run {attempt.run_id}, attempt {attempt.number}"
        if (state := self.compute_state()) not in _AT_REST:
            self._found.computes_left_running.append(f"{where}: the compute is {state} after the clean-up")
        for name, status in ((job["name"], job["properties"]["status"]) for job in self._jobs(attempt.run_id)):
            if status not in _ENDED:
                self._found.computes_left_running.append(f"{where}: job {name} is {status} after the clean-up")

    def check_jobs(self, run_id: str) -> None:
        """No job of a run was submitted but after the one before had ended badly, and at most one completed."""
        jobs = sorted(self._jobs(run_id), key=lambda job: job["systemData"]["createdAt"])
        self._found.jobs += len(jobs)
        for former, second in itertools.pairwise(jobs):
            name, status = former["name"], former["properties"]["status"]
            if status not in _ENDED_BADLY:
                self._found.second_jobs.append(f"run {run_id}: {second['name']} beside {name}, which is {status}")
                continue
            details = self._api.data_plane("GET", "history/v1.0", f"runs/{name}/details")
            ended, created = str(details.get("endTimeUtc"))[:19], second["systemData"]["createdAt"][:19]
            if ended > created:
                text = f"run {run_id}: {second['name']} was submitted at {created}, {name} ended only at {ended}"
                self._found.second_jobs.append(text)

    def check_completed(self, attempt: Attempt, generation: int) -> None:
        """A run that completed has the model that its job made, of the code and data that the repository had."""
        name, version = attempt.outputs.get("model-name"), attempt.outputs.get("model-version")
        where = f"run {attempt.run_id}"
        if name != MODEL or not version:
            self._found.models_missing.append(f"{where}: its model is {name}:{version}")
            return
        model = self._api.arm("GET", f"models/{name}/versions/{version}", expected=(200, 404))
        if model is None:
            self._found.models_missing.append(f"{where}: model {name}:{version} does not exist")
            return
        files = self._files(model["properties"]["modelUri"])
        told = json.loads(next((text for path, text in files.items() if path.endswith("model.json")), b"{}"))
        if told != {"generation": generation, "run": attempt.run_id}:
            self._found.models_missing.append(f"{where}: model {name}:{version} of generation {generation} says {told}")
        if (job := model["properties"]["tags"].get("job")) != attempt.outputs["job-name"]:
            self._found.models_missing.append(f"{where}: the tag of model {name}:{version} names job {job}")

    def check_assets(self) -> None:
        """Each version that is listed can be read whole, down to the blobs."""
        kinds = {"environments": (ENVIRONMENT,), "components": COMPONENTS, "data": (DATA,), "models": (MODEL,)}
        checks = {
            "environments": self._environment,
            "components": self._component,
            "data": self._data,
            "models": self._model,
        }
        self._found.assets.clear()
        for kind, names in kinds.items():
            for name in names:
                for version in self._versions(kind, name):
                    place = f"{kind}/{name}/versions/{version['name']}"
                    whole = self._api.arm("GET", place, expected=(200, 404))
                    wrong = "it is listed, but not there" if whole is None else checks[kind](whole["properties"])
                    self._found.assets[kind] += 1
                    if wrong and (text := f"{place}: {wrong}") not in self._found.half_registered_assets:
                        self._found.half_registered_assets.append(text)

    def _versions(self, kind: str, name: str) -> list[dict[str, Any]]:
        if self._api.status(f"{kind}/{name}") != 200:  # noqa: PLR2004
            return []
        return self._api.listed(f"{kind}/{name}/versions?listViewType=All")

    def _environment(self, properties: dict[str, Any]) -> str | None:
        return None if properties.get("condaFile") and properties.get("image") else "it has no conda file or no image"

    def _component(self, properties: dict[str, Any]) -> str | None:
        spec = properties["componentSpec"]
        for kind, reference in (("codes", spec["code"]), ("environments", spec["environment"])):
            name, _, version = _reference(reference, kind)
            asset = self._api.arm("GET", f"{kind}/{name}/versions/{version}", expected=(200, 404))
            if asset is None:
                return f"its {kind} {reference} is not there"
            if kind == "codes" and (wrong := self._whole(asset["properties"]["codeUri"], spec["display_name"])):
                return f"its code: {wrong}"
        return None

    def _data(self, properties: dict[str, Any]) -> str | None:
        return self._whole(properties["dataUri"])

    def _model(self, properties: dict[str, Any]) -> str | None:
        return None if self._files(properties["modelUri"]) else "it has no files"

    def _whole(self, uri: str, generation: str | None = None) -> str | None:
        """What is missing of an upload, by the manifest in it."""
        files = {path.rpartition("/")[2]: content for path, content in self._files(uri).items()}
        if MANIFEST not in files:
            return f"{uri} has no manifest, but {sorted(files)}"
        manifest = json.loads(files[MANIFEST])
        wrong = [
            name
            for name, digest in manifest["files"].items()
            if hashlib.sha256(files.get(name, b"")).hexdigest() != digest
        ]
        if wrong:
            return f"{uri} lacks, or has otherwise, {', '.join(wrong)}"
        if generation not in {None, f"generation {manifest['generation']}"}:
            return f"{uri} is of generation {manifest['generation']}, the component is of {generation}"
        return None

    def _files(self, uri: str) -> dict[str, bytes]:
        """The blobs below a URL of the storage or of the default datastore."""
        if uri.startswith("azureml://"):
            container, prefix = "azureml-blobstore", uri.partition("/paths/")[2]
        else:
            container, _, prefix = uri.partition(".blob.core.windows.net/")[2].partition("/")
        client = self._storage.get_container_client(container)
        names = list(client.list_blob_names(name_starts_with=prefix))
        return {name: client.download_blob(name).readall() for name in names}

    def _jobs(self, run_id: str) -> list[dict[str, Any]]:
        listed = self._api.listed("jobs?listViewType=All")
        return [job for job in listed if str(job["name"]).startswith(f"pipeline-{SHA}-{run_id}")]


def _reference(reference: str, kind: str) -> tuple[str, str, str]:
    """The name and version that an asset's ARM id or short name ends with."""
    if "/versions/" in reference:
        name, _, version = reference.partition(f"/{kind}/")[2].partition("/versions/")
        return name, ":", version
    return reference.removeprefix("azureml:").rpartition(":")

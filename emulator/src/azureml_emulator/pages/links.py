"""Where on this page a thing is shown that a job names: an asset by its id, files by their URI."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..jobs.process.logs import artifact
from ..jobs.runs import Runs
from .rendering import url
from .storage import Storage

_ASSET = re.compile(
    r"(?:azureml:)?(?://registries/(?P<registry>[^/]+)|.*/workspaces/[^/]+)"
    r"/(?P<kind>data|models|environments|components|codes)/(?P<name>[^/]+)/versions/(?P<version>[^/]+)"
)
_OUTPUT = re.compile(r"azureml://jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+)(?:/paths?/(?P<path>.*))?/?")
_ANONYMOUS = {"azureml_anonymous", "CliV2AnonymousEnvironment"}
_LONG = 44


@dataclass(frozen=True)
class Link:
    """A text, and the address of what it names; None if it is not shown here. `whole` is the text in full."""

    text: str
    href: str | None
    whole: str


class Links:
    """Makes links of references."""

    def __init__(self, storage: Storage, runs: Runs, workspace_id: str) -> None:
        self._storage = storage
        self._runs = runs
        self._workspace = workspace_id.lower()

    def of(self, reference: str) -> Link:
        """The link of an asset's id or a URI; without an address for what is not shown here."""
        match = _ASSET.fullmatch(reference)
        if match is not None and (match["registry"] or self._workspace in reference.lower()):
            return self._asset(match, reference)
        return self.files(reference)

    def files(self, uri: str) -> Link:
        """The link of files in the workspace's storage."""
        place = self._storage.place(self._of_output(uri) or uri)
        text = uri if place is None else f"{place.container}/{place.prefix}"
        short = text if len(text) <= _LONG else f"{text[:12]}…{text[-(_LONG - 13) :]}"
        return Link(short, None if place is None else url("files", place.container, path=place.prefix), uri)

    def _of_output(self, uri: str) -> str | None:
        """Where a job wrote the output that a URI `azureml://jobs/…/outputs/…` names; None for another URI."""
        match = _OUTPUT.fullmatch(uri)
        run = self._runs.get(match["job"]) if match else None
        if match is None or run is None:
            return None
        below = match["path"] or ""
        if match["output"] == "artifacts":
            place = artifact(match["job"], below)
            return f"azureml://datastores/workspaceartifactstore/paths/{place.prefix}"
        output = run["outputs"].get(match["output"])
        return f"{str(output['uri']).rstrip('/')}/{below}".rstrip("/") if output else None

    @staticmethod
    def asset(kind: str, name: str, version: str, registry: str | None = None) -> Link:
        """The link of a version of an asset."""
        text = "anonymous" if name in _ANONYMOUS else f"{name}:{version}"
        if kind == "codes":
            text = f"code {name[:8]}"
        return Link(text, url(kind, name, version, registry=registry), f"{name}:{version}")

    @staticmethod
    def is_anonymous(reference: str) -> bool:
        """Whether a reference is the id of an asset that was given no name; code never has one."""
        match = _ASSET.fullmatch(reference)
        return match is not None and match["name"] in _ANONYMOUS

    @staticmethod
    def job_in(uri: str) -> str | None:
        """The job that a URI `azureml://jobs/…/outputs/…` names; None for another URI."""
        match = _OUTPUT.fullmatch(uri)
        return match["job"] if match else None

    def _asset(self, match: re.Match[str], reference: str) -> Link:
        link = self.asset(match["kind"], match["name"], match["version"], match["registry"])
        return Link(link.text, link.href, reference)

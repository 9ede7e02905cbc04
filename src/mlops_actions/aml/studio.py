"""Pages of Azure ML Studio: of runs, assets and computes."""

from __future__ import annotations

import re
from urllib.parse import quote

_STUDIO = "https://ml.azure.com"
_OF_AN_ASSET = {
    "data": "/data/{name}/{version}/details",
    "environment": "/environments/{name}/version/{version}",
    "component": "/component/{name}/{version}/details",
    "model": "/model/{name}:{version}/details",
}


def run_url(job_url: str, job: str, run: str) -> str:
    """The page of a node's run, after that of its job; empty if the job has none."""
    marker = f"/runs/{job}"
    return job_url.replace(marker, f"/runs/{quote(run, safe='')}", 1) if marker in job_url else ""


def asset_url(workspace: str, kind: str, name: str, version: str) -> str:
    """The page of a version of an asset in the workspace with an ARM id."""
    page = _OF_AN_ASSET[kind].format(name=quote(name, safe=""), version=quote(version, safe=""))
    return f"{_STUDIO}{page}?wsid={workspace}"


def compute_url(workspace: str, name: str) -> str:
    """The page of a compute in the workspace with an ARM id."""
    return f"{_STUDIO}/compute/{quote(name, safe='')}/details?wsid={workspace}"


def workspace_of(job_url: str) -> str:
    """The ARM id of the workspace that a page of Studio is about; empty if it does not say so."""
    found = re.search(r"[?&]wsid=([^&]+)", job_url)
    return found[1] if found else ""

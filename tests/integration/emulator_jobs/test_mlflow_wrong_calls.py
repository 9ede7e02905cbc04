"""Requests that no good client sends to MLflow, run history's artifacts and the identity endpoints."""

import json
import ssl
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from azureml_emulator import identity
from azureml_emulator.settings import API_HOST, ARM_HOST

from ..conftest import Emulator

DEEP = "[" * 600 + "]" * 600
ODD = ["", "..", "a/../b", "a\x00b", "ä ö", "%2e%2e/x", "x" * 3000, "/", "//a", ".", "\ud7ff\uffff", "a\\..\\b", "?&#%"]
VALUES = [None, 1, -1, True, [], {}, "", "x", [1], {"a": 1}, "' OR 1=1", "name = 'x' AND", "x" * 5000]
REGISTRY = [
    ("POST", "registered-models/create"),
    ("GET", "registered-models/get"),
    ("PATCH", "registered-models/update"),
    ("DELETE", "registered-models/delete"),
    ("GET", "registered-models/search"),
    ("POST", "registered-models/get-latest-versions"),
    ("POST", "registered-models/set-tag"),
    ("POST", "registered-models/alias"),
    ("POST", "model-versions/create"),
    ("GET", "model-versions/get"),
    ("PATCH", "model-versions/update"),
    ("POST", "model-versions/transition-stage"),
    ("POST", "model-versions/set-tag"),
    ("GET", "model-versions/search"),
    ("GET", "model-versions/get-download-uri"),
]
FIELDS = [
    "name",
    "version",
    "source",
    "run_id",
    "tags",
    "stage",
    "stages",
    "filter",
    "max_results",
    "page_token",
    "key",
]
RUNS = ["runs/create", "runs/update", "runs/log-batch", "runs/set-tag", "runs/search", "runs/delete", "logged-models"]


@pytest.fixture
def data_plane(emulator: Emulator) -> Iterator[httpx.Client]:
    settings = emulator.settings
    with httpx.Client(
        base_url=f"https://127.0.0.1:{settings.ports.api}",
        headers={"Host": API_HOST, "Authorization": f"Bearer {identity.access_token(settings, f'https://{ARM_HOST}')}"},
        verify=ssl.create_default_context(cafile=settings.certificates / "ca.pem"),
        trust_env=False,
        timeout=60,
    ) as client:
        yield client


def check(answer: httpx.Response, what: object) -> None:
    assert answer.status_code < 500 or answer.status_code == 501, (what, answer.status_code, answer.text[:300])
    assert "Traceback" not in answer.text, what


def mlflow(emulator: Emulator, operation: str) -> str:
    return f"/mlflow/v2.0{emulator.settings.workspace_id}/api/2.0/mlflow/{operation}"


@pytest.mark.parametrize(("method", "operation"), REGISTRY)
def test_the_registry_takes_no_nonsense(
    data_plane: httpx.Client, emulator: Emulator, method: str, operation: str
) -> None:
    url = mlflow(emulator, operation)
    good = {"name": "wrong", "version": "1", "source": "runs:/none/x", "key": "k", "stage": "Staging"}
    for body in (b"", b"{", b"[]", b"null", DEEP.encode(), b"\xff\xfe"):
        check(data_plane.request(method, url, content=body), body[:20])
    for field in FIELDS:
        for value in VALUES:
            body = {**good, field: value}
            check(data_plane.request(method, url, content=json.dumps(body)), body)


def test_mlflow_itself_is_asked_nothing_that_breaks_it(data_plane: httpx.Client, emulator: Emulator) -> None:
    for operation in RUNS:
        for body in ("", "{", "[]", DEEP, '{"run_id": ' + DEEP + "}", '{"run_id": 1}', '{"run_id": "none", "tags": 3}'):
            check(data_plane.post(mlflow(emulator, operation), content=body), (operation, body[:30]))
    for path in ("/api/2.0/mlflow/nothing", "/api/9.0/mlflow/runs/get", "/ajax-api/2.0/mlflow/runs/get", "/", ""):
        answer = data_plane.get(f"/mlflow/v2.0{emulator.settings.workspace_id}{path}")
        check(answer, path)
        assert answer.status_code in {404, 501}, path


def test_artifacts_stay_in_their_store(data_plane: httpx.Client, emulator: Emulator) -> None:
    workspace = emulator.settings.workspace_id
    root = f"/mlflow/v2.0{workspace}/api/2.0/mlflow-artifacts/artifacts"
    for odd in ODD:
        for method in ("GET", "PUT", "DELETE"):
            for start in ("ExperimentRun/dcid.x", "ExperimentRun/dcid.x/../..", "Datastore.none/_", "Datastore./_", ""):
                check(data_plane.request(method, f"{root}/{start}/{quote(odd)}", content=b"x"), (method, start, odd))
        check(data_plane.get(root, params={"path": odd}), odd)
        for part in ("contentinfo", "metadata", "prefix/contentinfo"):
            artifacts = f"/artifact/v2.0{workspace}/artifacts/LocalUpload/c/{part}"
            check(data_plane.get(artifacts, params={"path": odd}), (part, odd))
        batch = f"/artifact/v2.0{workspace}/artifacts/LocalUpload/c/batch/metadata"
        check(data_plane.post(batch, content=json.dumps({"paths": [{"path": odd}]})), odd)
    batch = f"/artifact/v2.0{workspace}/artifacts/LocalUpload/c/batch/metadata"
    for paths in (None, 1, [1], [None], [{}], [{"path": 1}], [{"path": "a"}] * 1000):
        answer = data_plane.post(batch, content=json.dumps({"paths": paths}))
        assert answer.status_code == 400, paths
    # The origin decides where artifacts are: one that is made up would be any folder of the store.
    assert data_plane.get(f"/artifact/v2.0{workspace}/artifacts/..%2F/c/contentinfo?path=x").status_code >= 400
    assert data_plane.put(f"{root}/azureml-blobstore/x/y", content=b"x").status_code == 404
    assert data_plane.put(f"{root}/ExperimentRun/..%2F..%2Fx/y", content=b"x").status_code == 400


@pytest.mark.conformance("mlflow: what Azure's tracking server does not have, azureml-mlflow is not answered")
def test_logged_models_are_not_found_by_the_plugin(data_plane: httpx.Client, emulator: Emulator) -> None:
    plugin = {"User-Agent": "mlflow-python-client/3.8.1 azureml-mlflow/1.62.0"}
    answer = data_plane.post(mlflow(emulator, "logged-models/search"), headers=plugin, json={"experiment_ids": ["0"]})
    assert (answer.status_code, answer.content) == (404, b"")
    answer = data_plane.post(mlflow(emulator, "logged-models/search"), json={"experiment_ids": ["0"]})
    assert answer.status_code == 200


def test_the_identity_endpoints_open_to_a_run_alone(data_plane: httpx.Client, emulator: Emulator) -> None:
    access = identity.access_token(emulator.settings, f"https://{ARM_HOST}")
    for key in ("", "x", access, "x" * 9000):
        answer = data_plane.get("/run-identity/managed?resource=https://management.azure.com", headers={"secret": key})
        assert answer.status_code == 401
        assert data_plane.get(f"/run-identity/user/{key or '-'}?resource=x").status_code == 401

"""Lists of assets: filters, pages, and the rules for names and versions."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Data, Environment, Model
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from azureml_emulator import paging
from tests.integration.emulator.conftest import code


def put_model(arm: httpx.Client, name: str, version: str, **properties: Any) -> httpx.Response:
    body = {"modelUri": "azureml://datastores/workspaceblobstore/paths/model", **properties}
    return arm.put(f"models/{name}/versions/{version}", json={"properties": body})


def versions(answer: httpx.Response) -> list[str]:
    return [version["name"] for version in answer.raise_for_status().json()["value"]]


@pytest.mark.conformance("models: stages, set, changed and listed by")
def test_stages(ml_client: MLClient, name: str, folder: Path) -> None:
    for version, stage in (("1", "Production"), ("2", "Development")):
        ml_client.models.create_or_update(Model(name=name, version=version, path=str(folder), stage=stage))
    assert [model.version for model in ml_client.models.list(name, stage="Production")] == ["1"]
    model = ml_client.models.get(name, "2")
    model.stage = "Production"
    ml_client.models.create_or_update(model)
    assert [model.version for model in ml_client.models.list(name, stage="Production")] == ["2", "1"]


@pytest.mark.conformance("assets: tags, set, changed and listed by")
def test_filters(arm: httpx.Client, name: str) -> None:
    put_model(arm, name, "1", tags={"team": "a"}, properties={"flavour": "x"})
    put_model(arm, name, "2", tags={"team": "b", "best": "yes"})
    listing = f"models/{name}/versions"
    assert versions(arm.get(listing, params={"tags": "team"})) == ["2", "1"]
    assert versions(arm.get(listing, params={"tags": "team=b,best"})) == ["2"]
    assert versions(arm.get(listing, params={"tags": "team=c"})) == []
    assert versions(arm.get(listing, params={"properties": "flavour=x"})) == ["1"]
    assert versions(arm.get(listing, params={"version": "2"})) == ["2"]
    assert versions(arm.get(listing, params={"$orderBy": "createdtime asc"})) == ["1", "2"]


@pytest.mark.conformance("lists come in pages, which the SDK follows")
def test_pages(arm: httpx.Client, ml_client: MLClient, name: str) -> None:
    count = paging.PAGE_SIZE + 20
    for version in range(1, count + 1):
        assert put_model(arm, name, str(version)).status_code == 201
    first = arm.get(f"models/{name}/versions").json()
    assert len(first["value"]) == paging.PAGE_SIZE
    assert len({model.version for model in ml_client.models.list(name)}) == count
    small = arm.get(f"models/{name}/versions", params={"$top": 2, "$skip": 3}).json()
    assert [version["name"] for version in small["value"]] == [str(count - 3), str(count - 4)]
    assert "%24skip=5" in small["nextLink"]
    assert "nextLink" not in arm.get(f"models/{name}/versions", params={"$skip": paging.PAGE_SIZE}).json()
    container = arm.get(f"models/{name}").json()["properties"]
    assert (container["latestVersion"], container["nextVersion"]) == (str(count), str(count + 1))


def test_pages_of_containers(arm: httpx.Client, name: str) -> None:
    for number in range(3):
        put_model(arm, f"{name}-{number}", "1")
    found: list[str] = []
    link: str | None = str(arm.build_request("GET", "models", params={"$top": 2}).url)
    while link:
        page = arm.get(link).json()
        found += [container["name"] for container in page["value"]]
        link = page.get("nextLink")
    assert len(found) == len(set(found))
    assert {f"{name}-{number}" for number in range(3)} <= set(found)


def test_anonymous_components_are_not_listed(arm: httpx.Client) -> None:
    spec = {"type": "command", "command": "true"}
    version = "11111111-2222-3333-4444-555555555555"
    path = f"components/azureml_anonymous/versions/{version}"
    assert arm.put(path, json={"properties": {"componentSpec": spec}}).status_code in {200, 201}
    assert "azureml_anonymous" not in {one["name"] for one in arm.get("components").json()["value"]}


@pytest.mark.conformance("assets: a version that exists already is a conflict (409)")
def test_a_version_keeps_its_path(ml_client: MLClient, name: str, folder: Path) -> None:
    for kind, operations in ((Data, ml_client.data), (Model, ml_client.models)):
        operations.create_or_update(kind(name=name, version="1", path=str(folder)))
        with pytest.raises(ResourceExistsError, match="Asset paths cannot be updated"):
            operations.create_or_update(kind(name=name, version="1", path=str(folder / "inner")))


@pytest.mark.conformance("environments: changed without a version, it gets the next one")
def test_an_environment_without_a_version(ml_client: MLClient, name: str) -> None:
    images = ("debian:11", "debian:11", "debian:12")
    made = [ml_client.environments.create_or_update(Environment(name=name, image=image)).version for image in images]
    assert made == ["1", "1", "2"]


@pytest.mark.conformance("data: the versions of a name have one type")
def test_the_type_of_data_stays(ml_client: MLClient, name: str, folder: Path) -> None:
    ml_client.data.create_or_update(Data(name=name, path=str(folder), type="uri_folder"))
    with pytest.raises(HttpResponseError, match=f"data {name}:2 is uri_file, but the other versions .* are uri_folder"):
        ml_client.data.create_or_update(Data(name=name, path=str(folder / "one.txt"), type="uri_file"))


@pytest.mark.conformance("components: the default version, which the SDK asks for without one")
def test_a_component_without_a_version_is_the_newest(arm: httpx.Client, ml_client: MLClient, name: str) -> None:
    for version in ("1", "2"):
        spec = {"type": "command", "command": f"echo {version}", "environment": "azureml:nothing:1"}
        arm.put(f"components/{name}/versions/{version}", json={"properties": {"componentSpec": spec}})
    assert ml_client.components.get(name).version == "2"
    with pytest.raises(ResourceNotFoundError, match="azureml_default not found"):
        ml_client.components.get(f"{name}-unknown")


@pytest.mark.conformance("assets: names and versions with bad characters are refused")
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("models/-first/versions/1", "not a name"),
        ("models/white%20space/versions/1", "not a name"),
        ("models/" + "x" * 256 + "/versions/1", "not a name"),
        ("models/name/versions/one+two", "not a version"),
        ("models/name/versions/" + "1" * 31, "not a version"),
        ("models/name/versions/latest", "a label"),
        ("models/-first", "not a name"),
    ],
)
def test_bad_names(arm: httpx.Client, path: str, said: str) -> None:
    answer = arm.put(path, json={"properties": {"modelUri": "azureml://datastores/workspaceblobstore/paths/m"}})
    assert code(answer) == (400, "ValidationError")
    assert said in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "properties",
    [
        {"modelUri": 1},
        {"modelUri": ""},
        {"tags": "text"},
        {"tags": {"a": {}}},
        {"isArchived": "yes"},
        {"flavors": []},
        {"modelType": "savedmodel"},
        {"stage": 3},
    ],
)
def test_bad_properties(arm: httpx.Client, name: str, properties: dict[str, object]) -> None:
    assert code(put_model(arm, name, "1", **properties)) == (400, "ValidationError")
    assert arm.get(f"models/{name}").status_code == 404


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"properties": {"image": NaN}}',
        b'{"properties": {"componentSpec": {"command": "x", "number": 1e999}}}',
        b'{"properties": {"image": "\\ud800"}}',
    ],
)
def test_bodies_that_are_not_json(arm: httpx.Client, name: str, raw: bytes) -> None:
    for kind in ("environments", "components"):
        assert code(arm.put(f"{kind}/{name}/versions/1", content=raw)) == (400, "InvalidRequestContent")
        assert arm.get(f"{kind}/{name}").status_code == 404


@pytest.mark.parametrize("query", [{"$top": "many"}, {"$skip": "-1"}, {"$top": "9" * 400}, {"listViewType": "Some"}])
def test_bad_queries(arm: httpx.Client, query: dict[str, str]) -> None:
    for path in ("models", "models/name/versions"):
        assert code(arm.get(path, params=query)) == (400, "ValidationError")


def test_a_container_may_come_first(arm: httpx.Client, name: str) -> None:
    body = {"properties": {"description": "of cats", "tags": {"team": "vision"}}}
    assert arm.put(f"models/{name}", json=body).status_code == 200
    found = arm.get(f"models/{name}").json()["properties"]
    assert (found["description"], found["latestVersion"], found["nextVersion"]) == ("of cats", None, "1")
    put_model(arm, name, "4")
    found = arm.get(f"models/{name}").json()["properties"]
    assert (found["tags"], found["latestVersion"], found["nextVersion"]) == ({"team": "vision"}, "4", "5")
    assert [arm.delete(f"models/{name}").status_code for _ in range(2)] == [200, 204]
    assert arm.get(f"models/{name}/versions/4").status_code == 404

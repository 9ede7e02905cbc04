"""Archive and restore, for every kind of asset."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import MLClient, load_component
from azure.ai.ml.constants import ListViewType
from azure.ai.ml.entities import Data, Environment, Model
from azure.core.exceptions import HttpResponseError

Make = Callable[[MLClient, str, str, Path], Any]


def environment(client: MLClient, name: str, version: str, _: Path) -> Any:
    return client.environments.create_or_update(Environment(name=name, version=version, image=f"debian:{version}"))


def data(client: MLClient, name: str, version: str, folder: Path) -> Any:
    return client.data.create_or_update(Data(name=name, version=version, path=str(folder), type="uri_folder"))


def model(client: MLClient, name: str, version: str, folder: Path) -> Any:
    staged = Model(name=name, version=version, path=str(folder), type="custom_model", stage="Production")
    return client.models.create_or_update(staged)


def component(client: MLClient, name: str, version: str, folder: Path) -> Any:
    definition = folder / f"component-{version}.yaml"
    definition.write_text(
        f"name: {name.replace('-', '_')}\nversion: '{version}'\ntype: command\ncommand: echo {version}\n"
        "environment: azureml://registries/azureml/environments/sklearn-1.5/versions/1\n"
    )
    return client.components.create_or_update(load_component(definition))


KINDS = {"environments": environment, "data": data, "models": model, "components": component}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def two(kind: str, ml_client: MLClient, name: str, folder: Path) -> str:
    """The name of an asset with the versions 1 and 2."""
    for version in ("1", "2"):
        made = KINDS[kind](ml_client, name, version, folder)
    return str(made.name)


def listed(operations: Any, name: str, view: ListViewType = ListViewType.ACTIVE_ONLY) -> list[str]:
    return [version.version for version in operations.list(name, list_view_type=view)]


def names(operations: Any, view: ListViewType = ListViewType.ACTIVE_ONLY) -> set[str]:
    return {container.name for container in operations.list(list_view_type=view)}


@pytest.mark.conformance("assets: archive and restore of a version; the label latest passes archived ones over")
def test_a_version(kind: str, two: str, ml_client: MLClient) -> None:
    operations = getattr(ml_client, kind)
    operations.archive(two, version="2")
    assert listed(operations, two) == ["1"]
    assert listed(operations, two, ListViewType.ARCHIVED_ONLY) == ["2"]
    assert listed(operations, two, ListViewType.ALL) == ["2", "1"]
    assert operations.get(two, label="latest").version == "1"
    assert operations.get(two, version="2").version == "2", "what is archived can still be used"
    operations.restore(two, version="2")
    assert listed(operations, two) == ["2", "1"]


@pytest.mark.conformance("assets: archive and restore of all versions of a name")
def test_all_versions(kind: str, two: str, ml_client: MLClient) -> None:
    operations = getattr(ml_client, kind)
    operations.archive(two)
    assert listed(operations, two) == []
    assert two not in names(operations)
    assert two in names(operations, ListViewType.ARCHIVED_ONLY)
    with pytest.raises(HttpResponseError, match="archived as a whole"):
        operations.restore(two, version="1")
    operations.restore(two)
    assert listed(operations, two) == ["2", "1"]
    assert two in names(operations)


def test_one_after_the_other(kind: str, two: str, ml_client: MLClient) -> None:
    operations = getattr(ml_client, kind)
    for version in ("1", "2"):
        operations.archive(two, version=version)
    assert two not in names(operations)
    operations.restore(two)
    assert listed(operations, two) == ["2", "1"]


def test_a_model_keeps_its_stage(ml_client: MLClient, name: str, folder: Path) -> None:
    model(ml_client, name, "1", folder)
    ml_client.models.archive(name, version="1")
    ml_client.models.restore(name, version="1")
    assert ml_client.models.get(name, "1").stage == "Production"

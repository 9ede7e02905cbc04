"""What is told to Azure ML: that it is valid, that its parts agree, and that it is what callers rely on."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from azure.ai.ml import load_component, load_compute, load_data, load_environment, load_job
from azure.ai.ml.entities import AmlCompute, Component, ComputeInstance, ParallelComponent, PipelineJob

from .conftest import COMPONENTS, ROOT
from .trainings import ENVIRONMENTS, pins

PIPELINE = ROOT / "pipelines" / "animals-classification.yaml"
PARALLEL = ROOT / "pipelines" / "animals-classification-parallel.yaml"
BOTH = pytest.mark.parametrize("file", [PIPELINE, PARALLEL], ids=lambda path: path.stem)
DISTRIBUTED = ROOT / "pipelines" / "animals-classification-distributed.yaml"
TRAININGS = ("training", "training_distributed")
COMPONENT_FILES = sorted(COMPONENTS.glob("*/*.yaml"))


def locked(lock: Path) -> dict[str, str]:
    packages = tomllib.loads(lock.read_text(encoding="utf-8"))["package"]
    return {package["name"]: package.get("version", "") for package in packages}


def test_compute() -> None:
    compute = load_compute(ENVIRONMENTS / "compute.yaml")
    assert isinstance(compute, ComputeInstance)
    assert compute.name == "cli-created-machine"
    cluster = load_compute(ENVIRONMENTS / "cluster.yaml")
    assert isinstance(cluster, AmlCompute)
    assert (cluster.name, cluster.min_instances) == ("preparation-cluster", 0)


@pytest.mark.parametrize("name", ["pillow", "tensorflow"])
def test_environments(name: str) -> None:
    environment = load_environment(ENVIRONMENTS / f"{name}.yaml")
    assert environment.name == name
    assert environment.image == "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
    assert all(re.fullmatch(r"[0-9][0-9a-z.]*", version) for version in pins(name).values())


def test_photos_are_decoded_by_one_version_of_pillow() -> None:
    version = locked(ROOT / "inference" / "uv.lock")["pillow"]
    assert pins("pillow")["pillow"] == version
    assert pins("tensorflow")["pillow"] == version


def test_the_service_runs_the_export_with_the_version_that_checked_it() -> None:
    assert locked(ROOT / "inference" / "uv.lock")["onnxruntime"] == pins("tensorflow")["onnxruntime"]


def test_the_image_is_built_with_the_uv_of_the_rest() -> None:
    name = "uv-requirements.txt"
    assert (ROOT / "inference" / name).read_bytes() == (ROOT / "sandbox" / name).read_bytes()


@pytest.mark.parametrize("file", COMPONENT_FILES, ids=lambda path: path.stem)
def test_components(file: Path) -> None:
    component = load_component(file)
    outcome = component._validate()
    assert outcome.passed, outcome.error_messages
    assert component.name == file.stem
    environment = re.fullmatch(r"(?:azureml:)?(\w+):(\w+)", str(component.environment))
    assert environment
    assert load_environment(ENVIRONMENTS / f"{environment[1]}.yaml").version == environment[2]
    for kind, names in (("inputs", component.inputs), ("outputs", component.outputs)):
        assert set(re.findall(rf"\$\{{\{{{kind}\.(\w+)\}}\}}", runs(component))) == set(names)
        assert all(entry.description for entry in names.values())


def runs(component: Component) -> str:
    """The command of a component; of a parallel one its arguments, and what else refers to inputs and outputs."""
    if isinstance(component, ParallelComponent):
        return f"{component.task.program_arguments} {component.input_data} {component.task.append_row_to}"
    return str(component.command)


def test_photos_are_prepared_alike_on_one_machine_and_on_many() -> None:
    """One code asset, and inputs that are the same but for what only one of them has."""
    one, many = (load_component(COMPONENTS / "dataprep" / f"{name}.yaml") for name in ("dataprep", "dataprep_parallel"))
    assert Path(one.base_path, one.code).resolve() == Path(many.base_path, many.code).resolve()
    assert {name: entry._to_dict() for name, entry in many.inputs.items() if name != "workers"} == {
        name: entry._to_dict() for name, entry in one.inputs.items() if name != "workers"
    }
    assert many.max_concurrency_per_instance == 1
    assert many.mini_batch_error_threshold == 0


@BOTH
def test_the_pipeline_is_valid(file: Path) -> None:
    job = load_job(file)
    assert isinstance(job, PipelineJob)
    outcome = job._validate()
    assert outcome.passed, outcome.error_messages
    assert job.experiment_name == "classification"
    assert {name: value._data for name, value in job.inputs.items()} == {"train_test_split_percentage": 20, "epochs": 5}
    assert set(job.outputs) == {"model", "registration_details"}
    compute = load_compute(ENVIRONMENTS / ("compute.yaml" if file == PIPELINE else "cluster.yaml"))
    assert job.settings.default_compute == compute.name


@BOTH
def test_the_pipeline_passes_everything_on_as_its_components_take_it(file: Path) -> None:
    """The SDK accepts references to inputs, jobs and outputs that do not exist; the service does not."""
    pipeline = yaml.safe_load(file.read_text(encoding="utf-8"))
    jobs = pipeline["jobs"]
    expected = ["data_prep_pandas", "data_prep_cats", "data_prep_dogs", "data_split", "training", "register"]
    assert [name for name in jobs if not name.startswith("report_")] == expected
    interfaces = {name: interface(job["component"]) for name, job in jobs.items()}
    for name, job in jobs.items():
        inputs, outputs = interfaces[name]
        assert set(job["inputs"]) <= set(inputs), name
        assert {key for key, required in inputs.items() if required} <= set(job["inputs"]), name
        assert set(job.get("outputs", {})) <= outputs, name
        for value in (*job["inputs"].values(), *job.get("outputs", {}).values()):
            if reference := re.fullmatch(r"\$\{\{parent\.(.+)\}\}", str(value)):
                check(reference[1].split("."), pipeline, {other: known for other, (_, known) in interfaces.items()})


def test_the_training_on_several_machines_is_the_one_on_a_single_machine() -> None:
    """But for how many workers there are; and its pipeline runs it where there may be so many."""
    one, many = (yaml.safe_load((COMPONENTS / "training" / f"{name}.yaml").read_text()) for name in TRAININGS)
    assert many.pop("distribution") == {"type": "tensorflow", "worker_count": 2}
    assert many.pop("resources") == {"instance_count": 2}
    own = {"name", "version", "display_name", "description"}
    assert {key: value for key, value in many.items() if key not in own} == {
        key: value for key, value in one.items() if key not in own
    }
    plain, distributed = (yaml.safe_load(file.read_text()) for file in (PIPELINE, DISTRIBUTED))
    training = distributed["jobs"]["training"]
    assert training.pop("component") == "../components/training/training_distributed.yaml"
    assert plain["jobs"]["training"].pop("component") == "../components/training/training.yaml"
    cluster = load_compute(ENVIRONMENTS / "training-cluster.yaml")
    assert training.pop("compute") == f"azureml:{cluster.name}"
    assert (cluster.min_instances, cluster.max_instances) == (0, 2)
    assert {key: distributed[key] for key in ("inputs", "outputs", "settings", "jobs")} == {
        key: plain[key] for key in ("inputs", "outputs", "settings", "jobs")
    }
    outcome = load_job(DISTRIBUTED)._validate()
    assert outcome.passed, outcome.error_messages


def test_the_evaluation_hands_each_model_to_its_own_node_and_the_photos_to_both() -> None:
    file = ROOT / "pipelines" / "evaluation.yaml"
    outcome = load_job(file)._validate()
    assert outcome.passed, outcome.error_messages
    pipeline = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert {name: entry["type"] for name, entry in pipeline["inputs"].items()} == {
        "champion": "custom_model",
        "candidate": "custom_model",
        "test_data": "uri_folder",
    }
    for node in ("champion", "candidate"):
        job = pipeline["jobs"][node]
        assert set(interface(job["component"])[0]) == set(job["inputs"])
        assert job["inputs"] == {
            "model": f"${{{{parent.inputs.{node}}}}}",
            "test_data": "${{parent.inputs.test_data}}",
        }
    # What the gate is told of the candidate's job, in mlops.yml.
    assert "testing_data" in interface("../components/dataprep/data_split.yaml")[1]


def interface(component: str) -> tuple[dict[str, bool], set[str]]:
    """The inputs of a component, with whether they are required, and its outputs."""
    if component == "azureml://registries/azureml/components/register_model/versions/0.0.21":
        # As azureml-assets publishes it.
        optional = ("model_name", "model_version", "model_type", "model_description", "registry_name")
        files = ("model_download_metadata", "model_metadata")
        return {"model_path": True} | dict.fromkeys((*optional, *files), False), {"registration_details_folder"}
    loaded = load_component(PIPELINE.parent / component)
    required = {name: not (entry.optional or entry.default is not None) for name, entry in loaded.inputs.items()}
    return required, set(loaded.outputs)


def check(reference: list[str], pipeline: dict[str, dict[str, object]], outputs: dict[str, set[str]]) -> None:
    if reference[0] == "jobs":
        _, job, kind, name = reference
        assert kind == "outputs"
        assert name in outputs[job]
    else:
        kind, name = reference
        assert name in pipeline[kind]


@pytest.mark.parametrize("animal", ["cats", "dogs", "pandas"])
def test_each_animal_comes_from_its_data_asset(animal: str) -> None:
    node = yaml.safe_load(PIPELINE.read_text(encoding="utf-8"))["jobs"][f"data_prep_{animal}"]
    assert node["inputs"] == {"data": {"type": "uri_folder", "path": f"azureml:{animal}@latest"}, "label": animal}
    data = load_data(ROOT / "pipelines" / "data" / f"{animal}.yaml")
    assert (data.name, data.type) == (animal, "uri_folder")
    assert Path(data.path) == ROOT / "data" / animal

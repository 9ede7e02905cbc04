"""Every kind of environment that a job can name, submitted by the SDK and really built."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.ai.ml import MLClient, command
from azure.ai.ml.entities import BuildContext, Environment, Job
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from azureml_emulator.curated import catalogue

from ..conftest import Emulator
from .conftest import COMPUTE, Submit, ended, failure, node, until

CATALOGUE = b"""
environments:
  - names: [tests-*]
    listed: [AzureML-tests-1.0-ubuntu20.04-py38-cpu]
    about: a test
    pip: [six==1.17.0]
    variables: {SAID_BY: catalogue}
packages: {lalsuite: six}
"""
SHOW = 'python -c \'import os, six; print("six", six.__version__, os.environ.get("SAID_BY"))\' && pip --version'

Run = Callable[..., tuple[Job, str]]


@pytest.fixture(scope="module", autouse=True)
def own_catalogue(emulator: Emulator) -> Iterator[None]:
    """Environments of a user's own, which need one small package."""
    catalogue.keep(CATALOGUE, emulator.settings.state)
    yield
    (emulator.settings.state / catalogue.FILE).unlink()


@pytest.fixture
def run(client: MLClient, tmp_path: Path) -> Run:
    """Submits a command in an environment and waits for it; the answer is the job and its log."""

    def run(environment: str | Environment, line: str = SHOW, **variables: str) -> tuple[Job, str]:
        job = client.jobs.create_or_update(
            command(
                command=line,
                environment=environment,
                compute=COMPUTE,
                experiment_name="environments",
                environment_variables=variables,
            )
        )
        status = ended(client, job.name)
        log = tmp_path / uuid.uuid4().hex
        client.jobs.download(job.name, download_path=log, all=True)
        text = next(log.rglob("std_log.txt")).read_text()
        assert status in {"Completed", "Failed"}, text
        return client.jobs.get(job.name), text

    return run


def anonymous(**fields: object) -> Environment:
    return Environment(**fields)  # type: ignore[arg-type]


@pytest.mark.conformance("environments: curated ones, by a catalogue")
@pytest.mark.parametrize(
    "reference",
    [
        "azureml:AzureML-tests-1.0-ubuntu20.04-py38-cpu@latest",
        "AzureML-tests-1.0-ubuntu20.04-py38-cpu:7",
        "azureml://registries/azureml/environments/tests-2.0/labels/latest",
        "azureml://registries/azureml/environments/AzureML-tests-3/versions/12",
    ],
)
def test_a_curated_environment_is_named_in_every_way(reference: str, run: Run) -> None:
    job, log = run(reference)
    assert job.status == "Completed", log
    assert "six 1.17.0 catalogue" in log
    assert "is one of Azure's curated environments (a test): its image is not run here" in log


@pytest.mark.conformance("environments: curated ones, by a catalogue")
def test_nodes_of_a_pipeline_have_environments_of_their_own(submit: Submit, client: MLClient) -> None:
    seen = "python -c 'import six; assert six.__version__ == \"1.17.0\"'"
    fails = "! python -c 'import six' 2>/dev/null"
    made = submit(
        {
            "curated": node(seen, environment="AzureML-tests-1.0-ubuntu20.04-py38-cpu"),
            "registry": {
                **node(seen),
                "environment": "azureml://registries/azureml/environments/tests-2/labels/latest",
            },
            "plain": node(fails),
        }
    )
    assert ended(client, made.name) == "Completed"


@pytest.mark.conformance("environments: curated ones, by a catalogue")
def test_curated_environments_are_listed_and_shown(client: MLClient) -> None:
    found = client.environments.get("AzureML-sklearn-1.0-ubuntu20.04-py38-cpu", version="1")
    assert found.image == "mcr.microsoft.com/azureml/curated/sklearn-1.0-ubuntu20.04-py38-cpu:1"
    assert client.environments.get("AzureML-Minimal", label="latest").version == "1"
    assert [one.version for one in client.environments.list("AzureML-Minimal")] == ["1"]
    names = {one.name for one in client.environments.list()}
    assert {"AzureML-Minimal", "AzureML-tests-1.0-ubuntu20.04-py38-cpu"} <= names
    assert "sklearn-1.5" not in names  # It is in the registry alone.
    with pytest.raises(ResourceNotFoundError, match="AzureML-unheard-of"):
        client.environments.get("AzureML-unheard-of", version="1")
    with pytest.raises(HttpResponseError, match="can not start with the prefix AzureML"):
        client.environments.create_or_update(Environment(name="AzureML-mine", version="1", image="ubuntu"))


@pytest.mark.conformance("environments: curated ones, by a catalogue")
def test_what_the_catalogue_has_not_is_refused_with_what_it_has(client: MLClient) -> None:
    job = command(command="true", environment="azureml:AzureML-unheard-of:1", compute=COMPUTE)
    with pytest.raises(
        HttpResponseError, match=r"AzureML-unheard-of:1 is not found; the emulator's catalogue has .*sklearn"
    ):
        client.jobs.create_or_update(job)


@pytest.mark.conformance("environments: an image alone")
def test_an_image_alone_is_plain_python(run: Run) -> None:
    job, log = run(
        anonymous(image="library/python:latest"), "python --version && python -m pip --version && command -v pip"
    )
    assert job.status == "Completed", log
    assert "Image library/python:latest is not run here: plain Python on this machine stands for it" in log
    assert log.rstrip().endswith("/bin/pip")
    assert "/environments/" in log.rstrip().splitlines()[-1]


@pytest.mark.conformance("environments: an image for another language is refused without Docker")
def test_an_image_for_another_language_is_refused_at_submission(client: MLClient) -> None:
    job = command(command="Rscript a.R", environment=anonymous(image="rocker/tidyverse:4.0.0"), compute=COMPUTE)
    with pytest.raises(
        HttpResponseError, match=r"an environment for R .* is not implemented by this emulator"
    ) as raised:
        client.jobs.create_or_update(job)
    assert raised.value.status_code == 501


@pytest.mark.conformance("environments: a conda file, with conda packages that PyPI has")
def test_conda_packages_come_from_pypi_and_the_log_says_so(run: Run) -> None:
    conda = {
        "name": "mixed",
        "channels": ["conda-forge"],
        "dependencies": ["python=3.11", "pip", "cudatoolkit=11.3", "lalsuite=1.16", {"pip": ["tqdm==4.67.1"]}],
        "variables": {"SAID_BY": "conda"},
    }
    show = f"{SHOW} && python -c 'import tqdm; print(tqdm.__version__)'"
    job, log = run(anonymous(image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04", conda_file=conda), show)
    assert job.status == "Completed", log
    assert "six 1.16.0 conda" in log
    assert "4.67.1" in log
    assert "conda package lalsuite is installed from PyPI as six, as your catalogue says" in log
    assert "conda package cudatoolkit is left out: GPUs are not used here" in log


@pytest.mark.conformance("environments: the nearest Python, and pins that it cannot have")
def test_pins_that_the_nearest_python_cannot_have_are_named(client: MLClient, run: Run) -> None:
    conda = {"name": "old", "dependencies": ["python=3.7", {"pip": ["six", "numpy==1.14.6"]}]}
    job, log = run(anonymous(image="ubuntu", conda_file=conda))
    assert job.status == "Failed"
    assert "Python 3.7 is not on this machine; taking the nearest, 3." in log
    told = failure(client, job.name)
    assert "it asks for Python 3.7, which is not on this machine" in told
    assert "these cannot be had: numpy==1.14.6." in told


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A build context whose Dockerfile installs one small package."""
    folder = tmp_path / "docker-context"
    (folder / "docker").mkdir(parents=True)
    (folder / "requirements.txt").write_text("six==1.15.0\n")
    (folder / "docker" / "Dockerfile").write_text(
        "FROM python:3.11\nENV SAID_BY=Dockerfile\nCOPY requirements.txt .\n"
        "RUN pip install --no-cache-dir -r requirements.txt && rm requirements.txt\n"
    )
    return folder


@pytest.mark.conformance("environments: a build context without Docker")
def test_the_steps_of_a_build_context_are_followed(context: Path, run: Run, client: MLClient) -> None:
    build = BuildContext(path=str(context), dockerfile_path="docker/Dockerfile")
    made = client.environments.create_or_update(Environment(name=f"of-context-{uuid.uuid4().hex[:8]}", build=build))
    assert made.build is not None
    job, log = run(f"{made.name}@latest", AZUREML_EMULATOR_EXECUTOR="venv")
    assert job.status == "Completed", log
    assert "six 1.15.0 Dockerfile" in log
    assert "Docker does not build the build context (the executor is venv): its Dockerfile's steps are followed" in log


@pytest.mark.conformance("environments: a build context without Docker")
def test_a_step_that_only_docker_can_do_fails_the_job(context: Path, client: MLClient, run: Run) -> None:
    with (context / "docker" / "Dockerfile").open("a") as file:
        file.write("RUN git clone https://example.com/x\n")
    build = BuildContext(path=str(context), dockerfile_path="docker/Dockerfile")
    job, _ = run(anonymous(build=build), AZUREML_EMULATOR_EXECUTOR="venv")
    assert job.status == "Failed"
    assert "of this step: RUN git clone https://example.com/x (the executor is venv)" in failure(client, job.name)


def test_an_executor_that_is_none_is_refused(client: MLClient) -> None:
    job = command(
        command="true",
        environment=anonymous(image="ubuntu"),
        compute=COMPUTE,
        environment_variables={"AZUREML_EMULATOR_EXECUTOR": "podman"},
    )
    with pytest.raises(HttpResponseError, match="is 'podman', not one of auto, docker, venv"):
        client.jobs.create_or_update(job)


@pytest.mark.conformance("environments: cancel while one is built")
def test_a_build_ends_when_its_job_is_canceled(client: MLClient) -> None:
    # It is made from source, which takes a while.
    conda = {
        "name": "slow",
        "dependencies": [
            "python=3.11",
            {"pip": [f"--no-binary={uuid.uuid4().hex}", "--no-binary=lxml", "lxml==5.3.0"]},
        ],
    }
    job = client.jobs.create_or_update(
        command(command="true", environment=anonymous(image="ubuntu", conda_file=conda), compute=COMPUTE)
    )
    until("its preparation", lambda: client.jobs.get(job.name).status == "Preparing")
    client.jobs.begin_cancel(job.name).result()
    assert ended(client, job.name) == "Canceled"

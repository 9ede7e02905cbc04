"""Jobs that Docker runs: in an image that is there, in one with a conda file's packages, in a build context's own."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.ai.ml import MLClient, Output, PyTorchDistribution, command
from azure.ai.ml.entities import BuildContext, ComputeInstance, Environment, Job
from azure.identity import ClientSecretCredential

from azureml_emulator import lifecycle, processes
from azureml_emulator.settings import Settings
from sandbox.base_image import ensure_base_image

from ..emulator_jobs.conftest import ended, failure, until
from .conftest import Client

COMPUTE = "docker-machine"
LOOK = (
    "import json, os, sys; print('FOUND', json.dumps({'prefix': sys.prefix, 'user': os.getuid(), 'here': os.getcwd(), "
    "'home': os.environ['HOME'], 'variables': sorted(os.environ), 'contained': os.path.exists('/.dockerenv')}))"
)

Run = Callable[..., tuple[Job, str]]


@pytest.fixture(scope="module")
def image(docker: Client) -> str:
    """An image with Python that is on this machine."""
    return ensure_base_image()


@pytest.fixture(scope="module")
def emulator(docker: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An emulator that finds this Docker."""
    state, before = tmp_path_factory.mktemp("docker-executor"), _built(docker)
    yield _up(state, docker)
    lifecycle.down(state)
    if made := _built(docker) - before:
        docker.run("rmi", "--force", *made)


def _up(state: Path, docker: Client) -> Settings:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in docker.environment.items():
            patch.setenv(name, value)
        patch.setenv("MY_OWN_SECRET", "of the machine's user")
        return lifecycle.up(state)


def _built(docker: Client) -> set[str]:
    return set(docker.run("images", "--format={{.Repository}}:{{.Tag}}", "azureml-emulator/environment").split())


@pytest.fixture
def client(emulator: Settings, monkeypatch: pytest.MonkeyPatch) -> MLClient:
    return _client(emulator, monkeypatch)


def _client(emulator: Settings, monkeypatch: pytest.MonkeyPatch) -> MLClient:
    for name, value in lifecycle.environment(emulator).items():
        monkeypatch.setenv(name, value)
    credential = ClientSecretCredential(emulator.tenant_id, emulator.client_id, emulator.client_secret)
    names = (emulator.subscription_id, emulator.resource_group, emulator.workspace)
    made = MLClient(credential, *names, enable_telemetry=False, show_progress=False)
    if COMPUTE not in {one.name for one in made.compute.list()}:
        made.compute.begin_create_or_update(ComputeInstance(name=COMPUTE, size="Standard_DS3_v2")).result()
    return made


@pytest.fixture
def run(client: MLClient, tmp_path: Path) -> Run:
    """Submits a command and waits for it; the answer is the job and all its logs."""

    def run(
        environment: Environment, line: str, *, executor: str | None = "docker", **fields: object
    ) -> tuple[Job, str]:
        chosen = {} if executor is None else {"AZUREML_EMULATOR_EXECUTOR": executor}
        job = client.jobs.create_or_update(
            command(
                command=line,
                environment=environment,
                compute=COMPUTE,
                experiment_name="docker",
                environment_variables={"MINE": "a b\n$c", **chosen},
                **fields,
            )
        )
        ended(client, job.name)
        log = tmp_path / uuid.uuid4().hex
        client.jobs.download(job.name, download_path=log, all=True)
        return client.jobs.get(job.name), "\n".join(file.read_text() for file in sorted(log.rglob("std_log*.txt")))

    return run


def found(log: str) -> dict[str, object]:
    line = next(line for line in log.splitlines() if line.startswith("FOUND "))
    return dict(json.loads(line.removeprefix("FOUND ")))


def assert_no_container_is_left(docker: Client) -> None:
    assert docker.run("ps", "--all", "--quiet", "--filter=label=azureml-emulator.run") == ""


@pytest.mark.conformance("environments: executor docker")
def test_a_command_runs_in_its_image(run: Run, image: str, docker: Client, emulator: Settings) -> None:
    line = f'python3 -c "{LOOK}" && printf "%s" "$MINE" > ${{{{outputs.made}}}} && echo kept > outputs/kept.txt'
    job, log = run(Environment(image=image), line, outputs={"made": Output(type="uri_file")})
    assert job.status == "Completed", log
    assert f"Docker runs the command, in image {image}" in log
    what = found(log)
    assert what["contained"] is True
    assert what["prefix"] == "/usr"
    assert what["user"] == os.getuid()
    variables = what["variables"]
    assert isinstance(variables, list)
    assert {"AZUREML_RUN_ID", "MLFLOW_TRACKING_URI", "MINE"} <= set(variables)
    assert not {"MY_OWN_SECRET", "AZURE_CLIENT_SECRET", "DOCKER_HOST", "VIRTUAL_ENV"} & set(variables)
    assert_no_container_is_left(docker)


@pytest.mark.conformance("environments: executor docker")
def test_a_command_that_fails_tells_its_exit_status(run: Run, image: str, client: MLClient) -> None:
    job, _ = run(Environment(image=image), "echo to be seen >&2; exit 7")
    assert job.status == "Failed"
    assert "User process exited with status code 7" in failure(client, job.name)
    assert "to be seen" in failure(client, job.name)


@pytest.mark.conformance("environments: executor docker")
def test_processes_of_a_distributed_command_run_in_containers(run: Run, image: str, docker: Client) -> None:
    job, log = run(
        Environment(image=image),
        "echo rank $RANK of $WORLD_SIZE in $(test -e /.dockerenv && echo a container)",
        distribution=PyTorchDistribution(process_count_per_instance=2),
    )
    assert job.status == "Completed", log
    assert "rank 0 of 2 in a container" in log
    assert "rank 1 of 2 in a container" in log
    assert_no_container_is_left(docker)


@pytest.mark.conformance("environments: executor docker")
def test_no_process_of_a_canceled_job_is_left(client: MLClient, image: str, docker: Client) -> None:
    # The first process of a container hears no SIGTERM unless it asks, and this one carries no mark of its run.
    line = "(setsid sleep 1234 &); exec env -i sleep 1234"
    job = client.jobs.create_or_update(
        command(
            command=line,
            environment=Environment(image=image),
            compute=COMPUTE,
            environment_variables={"AZUREML_EMULATOR_EXECUTOR": "docker"},
        )
    )
    label = "--filter=label=azureml-emulator.run"
    until("its container", lambda: docker.run("ps", "--quiet", label) != "")
    client.jobs.begin_cancel(job.name).result()
    assert ended(client, job.name) == "Canceled"
    assert_no_container_is_left(docker)


@pytest.mark.conformance("environments: executor docker")
def test_what_a_killed_emulator_left_in_containers_is_ended(
    image: str, docker: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    settings = _up(state, docker)
    try:
        job = _client(settings, monkeypatch).jobs.create_or_update(
            command(
                command="sleep 1234",
                environment=Environment(image=image),
                compute=COMPUTE,
                environment_variables={"AZUREML_EMULATOR_EXECUTOR": "docker"},
            )
        )
        label = f"--filter=label=azureml-emulator.state={processes.owner(state)}"
        until("its container", lambda: docker.run("ps", "--quiet", label) != "")
        os.kill(int((state / "pid" / "emulator").read_text().split()[0]), signal.SIGKILL)
        settings = _up(state, docker)
        assert docker.run("ps", "--all", "--quiet", label) == ""
        assert _client(settings, monkeypatch).jobs.get(job.name).status == "Failed"
    finally:
        lifecycle.down(state)


@pytest.mark.conformance("environments: executor docker")
def test_an_image_that_is_not_there_is_not_fetched(run: Run, client: MLClient) -> None:
    job, _ = run(Environment(image="example.com/nobody/nothing:1"), "true")
    assert job.status == "Failed"
    told = "image example.com/nobody/nothing:1 is not on this machine, and the emulator fetches none: docker pull"
    assert told in failure(client, job.name)


@pytest.mark.conformance("environments: executor docker")
def test_a_conda_file_is_installed_on_its_image(run: Run, image: str) -> None:
    conda = {
        "name": "six",
        "dependencies": ["python=3.11", {"pip": ["six==1.17.0"]}],
        "variables": {"OF_CONDA": 'a "b" $c'},
    }
    environment = Environment(image=image, conda_file=conda)
    line = 'python -c "import six; print(six.__version__, six.__file__)" && echo "$OF_CONDA"'
    job, log = run(environment, line)
    assert job.status == "Completed", log
    assert "1.17.0 /azureml-envs/job/lib/" in log
    assert 'a "b" $c' in log
    job, log = run(environment, line)
    assert "it was built of the same build context" in log


@pytest.mark.conformance("environments: a build context that Docker builds")
def test_a_build_context_is_built_and_run(run: Run, image: str, tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    mark = uuid.uuid4().hex
    (context / "mark.txt").write_text(mark)
    (context / "Dockerfile").write_text(f"FROM {image}\nCOPY mark.txt /mark.txt\nRUN cat /mark.txt > /twice.txt\n")
    # Nothing is said of an executor: where Docker has the base image, it builds.
    job, log = run(Environment(build=BuildContext(path=str(context))), "cat /twice.txt", executor=None)
    assert job.status == "Completed", log
    assert "Docker builds image azureml-emulator/environment:" in log
    assert mark in log


@pytest.mark.conformance("environments: a build context without Docker")
def test_a_build_context_whose_base_image_is_not_there_is_followed(run: Run, tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM example.com/nobody/python:3.11\nRUN pip install six==1.17.0\n")
    line = 'python -c "import six; print(six.__version__)"'
    job, log = run(Environment(build=BuildContext(path=str(context))), line, executor=None)
    assert job.status == "Completed", log
    assert "(its base image example.com/nobody/python:3.11 is not on this machine)" in log
    assert "1.17.0" in log

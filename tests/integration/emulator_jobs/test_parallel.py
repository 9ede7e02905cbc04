"""Parallel components and nodes in pipelines, through the real SDK: real workers over real files."""

from __future__ import annotations

import copy
import functools
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure.ai.ml import Input, MLClient, Output, dsl, load_component
from azure.ai.ml.entities import Environment, Job
from azure.ai.ml.parallel import RunFunction, parallel_run_function
from azure.core.exceptions import HttpResponseError

from .conftest import CLUSTER, ENVIRONMENT, Submit, children, ended, failure, until


@pytest.fixture
def submit(submit: Submit) -> Submit:
    """Submits to the cluster: a compute instance is one machine."""
    return functools.partial(submit, compute=CLUSTER)


NAMES = """
import argparse, os

def init():
    global args
    parser = argparse.ArgumentParser()
    parser.add_argument("--prefix")
    parser.add_argument("--suffix", default="")
    args, _ = parser.parse_known_args()
    print("the greeting is", os.environ.get("GREETING"))

def run(mini_batch):
    return [args.prefix + os.path.basename(path) + args.suffix for path in mini_batch]
"""

COMPONENT: dict[str, Any] = {
    "$schema": "https://azuremlschemas.azureedge.net/latest/parallelComponent.schema.json",
    "name": "names",
    "type": "parallel",
    "inputs": {
        "data": {"type": "uri_folder"},
        "prefix": {"type": "string", "default": "is "},
        "suffix": {"type": "string", "optional": True},
    },
    "outputs": {"rows": {"type": "uri_file"}},
    "input_data": "${{inputs.data}}",
    "mini_batch_size": "2",
    "max_concurrency_per_instance": 2,
    "resources": {"instance_count": 2},
    "mini_batch_error_threshold": 0,
    "retry_settings": {"max_retries": 1, "timeout": 30},
    "task": {
        "type": "run_function",
        "code": "code",
        "entry_script": "entry.py",
        "environment": f"azureml:{ENVIRONMENT}@latest",
        "program_arguments": '--prefix "${{inputs.prefix}}" $[[--suffix ${{inputs.suffix}}]]',
        "append_row_to": "${{outputs.rows}}",
    },
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder of nine files."""
    folder = tmp_path / "files"
    folder.mkdir()
    for place in range(9):
        (folder / f"{place}.txt").write_text(str(place))
    return folder


def inline(folder: Path, **fields: Any) -> dict[str, Any]:
    """The component as an inline node over a local folder, with other values of some fields."""
    node = {key: copy.deepcopy(value) for key, value in COMPONENT.items() if key not in {"$schema", "name"}}
    return {
        **node,
        "task": task(),
        "inputs": {"data": {"type": "uri_folder", "path": str(folder)}, "prefix": "a "},
        **fields,
    }


def task(**fields: Any) -> dict[str, Any]:
    """The task of an inline node, with other values of some fields; without those that are None."""
    own = {**COMPONENT["task"], "program_arguments": '--prefix "${{inputs.prefix}}"', **fields}
    return {key: value for key, value in own.items() if value is not None}


@pytest.fixture
def artifacts(client: MLClient, tmp_path: Path) -> Callable[[Job, str], Path]:
    """Downloads all of a node of a job; the answer is the folder."""

    def artifacts(job: Job, node: str) -> Path:
        target = tmp_path / f"artifacts-{node}"
        client.jobs.download(children(client, job.name)[node].name, download_path=target, all=True)
        return target

    return artifacts


def rows(folder: Path, output: str = "rows") -> list[str]:
    """The lines of the one file of a downloaded output."""
    (file,) = [one for one in (folder / "named-outputs" / output).rglob("*") if one.is_file()]
    return file.read_text().splitlines()


@pytest.mark.conformance("parallel: mini batches of files, append_row_to, program arguments, environment variables")
def test_an_inline_node_runs_its_entry_script_over_the_files(
    client: MLClient, submit: Submit, files: Path, artifacts: Callable[[Job, str], Path]
) -> None:
    job = submit({"names": inline(files, environment_variables={"GREETING": "hello"})}, scripts={"entry.py": NAMES})
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    found = artifacts(job, "names")
    assert rows(found) == [f"a {place}.txt" for place in range(9)]
    log = (found / "artifacts/user_logs/std_log.txt").read_text()
    assert "5 mini batches for 2 instances with 2 processes each; 4 processes on this machine" in log
    assert "5 of 5 mini batches done, 0 failed, 0 retries; 9 items, 0 failed" in log
    printed = sorted((found / "artifacts/logs/user/stdout").rglob("*.txt"))
    assert len(printed) == 4
    assert {one.read_text() for one in printed} == {"the greeting is hello\n"}


@pytest.mark.conformance("parallel: a registered component, its settings changed by the node, partition_keys")
def test_a_registered_component_with_settings_of_the_node(
    client: MLClient, submit: Submit, tmp_path: Path, artifacts: Callable[[Job, str], Path]
) -> None:
    for name in ("cats/a.txt", "cats/b.txt", "dogs/c.txt"):
        file = tmp_path / "animals" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    source = tmp_path / "component"
    (source / "code").mkdir(parents=True)
    (source / "code" / "entry.py").write_text(
        "def run(mini_batch, mini_batch_context):\n"
        "    return [f\"{mini_batch_context.partition_key_value['kind']}{len(mini_batch)}\"] * len(mini_batch)\n"
    )
    (source / "names.yaml").write_text(yaml.safe_dump({**COMPONENT, "name": "by_kind"}))
    registered = client.components.create_or_update(load_component(source / "names.yaml"))
    job = submit(
        {
            "kinds": {
                "type": "parallel",
                "component": f"azureml:{registered.name}@latest",
                "inputs": {"data": {"type": "uri_folder", "path": str(tmp_path / "animals")}},
                "partition_keys": ["kind"],
                "resources": {"instance_count": 1},
            }
        }
    )
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    found = artifacts(job, "kinds")
    assert rows(found) == ["cats2", "cats2", "dogs1"]
    assert "2 mini batches for 1 instances" in (found / "artifacts/user_logs/std_log.txt").read_text()


@pytest.mark.conformance("parallel: parallel_run_function of the SDK, mini_batch_error_threshold")
def test_too_many_failed_mini_batches_fail_the_job(client: MLClient, files: Path, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "entry.py").write_text("def run(mini_batch):\n    raise ValueError('no such animal')\n")
    score = parallel_run_function(
        name="score",
        inputs={"data": Input(type="uri_folder")},
        outputs={"out": Output(type="uri_folder")},
        input_data="${{inputs.data}}",
        mini_batch_size="3",
        max_concurrency_per_instance=1,
        mini_batch_error_threshold=1,
        retry_settings={"max_retries": 0, "timeout": 30},
        task=RunFunction(code=str(code), entry_script="entry.py", environment=f"{ENVIRONMENT}:1"),
    )

    @dsl.pipeline(default_compute=CLUSTER, experiment_name="tests")  # type: ignore[untyped-decorator]
    def scoring() -> None:
        score(data=Input(type="uri_folder", path=str(files)))

    job = client.jobs.create_or_update(scoring())
    assert ended(client, job.name) == "Failed"
    (child,) = children(client, job.name).values()
    told = failure(client, child.name)
    assert "2 mini batches failed, more than the mini_batch_error_threshold 1" in told
    assert "ValueError: no such animal" in told


@pytest.mark.conformance("parallel: retries, a mini batch that kills its worker or hangs costs itself alone")
def test_mini_batches_that_kill_or_hang_cost_themselves_alone(
    client: MLClient, submit: Submit, files: Path, artifacts: Callable[[Job, str], Path]
) -> None:
    script = """
        import os, time

        def run(mini_batch):
            name = os.path.basename(mini_batch[0])
            if name == "2.txt":
                os._exit(9)
            if name == "5.txt":
                time.sleep(600)
            if name == "7.txt" and not os.path.exists("tried"):
                open("tried", "w").close()
                raise ValueError("only once")
            return [name]
    """
    settings = {"mini_batch_error_threshold": 2, "retry_settings": {"max_retries": 1, "timeout": 1}}
    job = submit(
        {"names": inline(files, mini_batch_size="1", **settings)}, scripts={"entry.py": textwrap.dedent(script)}
    )
    assert ended(client, job.name) == "Completed", failure(client, job.name)
    found = artifacts(job, "names")
    assert rows(found) == [f"{place}.txt" for place in range(9) if place not in {2, 5}]
    log = (found / "artifacts/user_logs/std_log.txt").read_text()
    assert "9 of 9 mini batches done, 2 failed, 3 retries; 9 items, 2 failed" in log


@pytest.mark.conformance("parallel: cancel ends the driver and its workers")
def test_cancel_ends_all_workers(client: MLClient, submit: Submit, files: Path, tmp_path: Path) -> None:
    script = """
        import os, pathlib, subprocess, time

        def run(mini_batch):
            child = subprocess.Popen(["sleep", "600"])
            pathlib.Path(os.environ["NOTES"], str(os.getpid())).touch()
            pathlib.Path(os.environ["NOTES"], str(child.pid)).touch()
            time.sleep(600)
    """
    notes = tmp_path / "notes"
    notes.mkdir()
    node = inline(files, environment_variables={"NOTES": str(notes)}, retry_settings={"timeout": 600})
    job = submit({"names": node}, scripts={"entry.py": textwrap.dedent(script)})
    until("all workers at work", lambda: len(list(notes.iterdir())) == 8)
    client.jobs.begin_cancel(job.name).result()
    assert ended(client, job.name) == "Canceled"
    until("the end of all processes", lambda: not any(Path("/proc", one.name).exists() for one in notes.iterdir()))


@pytest.mark.conformance("parallel: tables of an MLTable, mini batches in bytes")
def test_a_table_is_split_into_data_frames(
    client: MLClient, submit: Submit, tmp_path: Path, artifacts: Callable[[Job, str], Path]
) -> None:
    client.environments.create_or_update(
        Environment(
            name="with-pandas",
            version="1",
            image="debian:12",
            conda_file={"name": "pandas", "dependencies": ["python=3.11", {"pip": ["pandas==3.0.*"]}]},
        )
    )
    table = tmp_path / "table"
    table.mkdir()
    (table / "data.csv").write_text("number,name\n" + "".join(f"{place},n{place}\n" for place in range(500)))
    transformations = [{"read_delimited": {"delimiter": ",", "header": "all_files_same_headers"}}]
    (table / "MLTable").write_text(
        yaml.safe_dump({"type": "mltable", "paths": [{"file": "./data.csv"}], "transformations": transformations})
    )
    script = """
        import os

        def run(mini_batch):
            with open(os.path.join("outputs", f"{os.getpid()}.txt"), "a") as file:
                file.write(f"{len(mini_batch)} {list(mini_batch.columns)} {mini_batch['number'].dtype}\\n")
            return mini_batch.assign(double=mini_batch["number"] * 2)[["name", "double"]]
    """
    node = inline(
        table,
        inputs={"data": {"type": "mltable", "path": str(table), "mode": "direct"}},
        mini_batch_size="1kb",
        task=task(environment="azureml:with-pandas@latest", program_arguments=None),
    )
    job = submit({"rows": node}, scripts={"entry.py": textwrap.dedent(script)})
    assert ended(client, job.name, seconds=300) == "Completed", failure(client, job.name)
    found = artifacts(job, "rows")
    assert rows(found) == [f"n{place} {2 * place}" for place in range(500)]
    sizes = [one.split(" ", 1) for file in found.glob("artifacts/outputs/*") for one in file.read_text().splitlines()]
    assert sum(int(count) for count, _ in sizes) == 500
    assert len(sizes) == -(-(table / "data.csv").stat().st_size // 1024)
    assert {columns for _, columns in sizes} == {"['number', 'name'] int64"}


@pytest.mark.conformance("parallel: what cannot run is refused at submission")
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"task": task(entry_script=None)}, "task.entry_script is required"),
        ({"task": task(entry_script="../entry.py")}, "no path of a Python file"),
        ({"task": task(program_arguments="--x '")}, "task.program_arguments: No closing quotation"),
        ({"task": task(program_arguments="--x ${{inputs.nothing}}")}, "uses ${{inputs.nothing}}"),
        ({"task": task(append_row_to="${{outputs.nothing}}")}, "task.append_row_to refers to ${{outputs.nothing}}"),
        ({"task": task(type="model", model="azureml:x:1")}, "a parallel task of type model is not implemented"),
        (
            {"input_data": "${{inputs.nothing}}"},
            "input_data refers to ${{inputs.nothing}}, but its inputs are data, prefix",
        ),
        ({"input_data": "data"}, "input_data is 'data', not of the form ${{inputs.NAME}}"),
        ({"input_data": "${{inputs.prefix}}"}, "input_data prefix must be files, not string"),
        ({"input_data": None}, "input_data is required"),
        ({"mini_batch_error_threshold": -2}, "mini_batch_error_threshold is -2, not between -1 and"),
        ({"retry_settings": {"timeout": 300_000}}, "retry_settings.timeout is 300000, not between 1 and 259200"),
        ({"retry_settings": {"max_retries": -1}}, "retry_settings.max_retries is -1"),
        ({"max_concurrency_per_instance": -1}, "max_concurrency_per_instance is -1"),
        ({"partition_keys": ["a", "a"]}, "partition_keys has a key twice"),
    ],
)
def test_what_cannot_run_is_refused(submit: Submit, files: Path, fields: dict[str, Any], told: str) -> None:
    node = {key: value for key, value in inline(files, **fields).items() if value is not None}
    with pytest.raises(HttpResponseError) as refused:
        submit({"names": node}, scripts={"entry.py": NAMES})
    assert told in str(refused.value)


def test_an_optional_input_cannot_be_split(submit: Submit, files: Path) -> None:
    component = copy.deepcopy(COMPONENT)
    component["inputs"]["data"]["optional"] = True
    node = {
        "type": "parallel",
        "component": "names.yaml",
        "inputs": {"data": {"type": "uri_folder", "path": str(files)}},
    }
    with pytest.raises(HttpResponseError, match="input_data data is optional: the input to split must be given"):
        submit({"names": node}, scripts={"entry.py": NAMES}, components={"names": component})

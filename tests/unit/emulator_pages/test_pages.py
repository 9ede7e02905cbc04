"""Pages over a store that no server has filled: an empty one, a large one, and definitions in a circle."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from azureml_emulator import settings
from azureml_emulator.context import Context
from azureml_emulator.jobs.runs import NewRun, Runs
from azureml_emulator.pages.app import create_app
from azureml_emulator.server import open_context


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    context = open_context(settings.load_or_create(tmp_path))
    yield context
    context.store.close()


@dataclass(frozen=True)
class Pages:
    """The page's application, asked without a server."""

    app: ASGIApp
    address: str

    def get(self, path: str, params: dict[str, str] | None = None) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=self.address) as client:
                return await client.get(path, params=params)

        return asyncio.run(ask())


@pytest.fixture
def site(context: Context) -> Pages:
    return Pages(create_app(context), f"http://127.0.0.1:{context.settings.ports.page}")


def begin(context: Context, name: str, *, status: str = "Completed", **fields: Any) -> None:
    given = {"display_name": name, "kind": "azureml.PipelineRun", "experiment": "tests", **fields}
    runs = Runs(context.store, context.settings.workspace)
    runs.create(NewRun(name=name, **given))
    runs.move(name, "Running")
    runs.move(name, status)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/", "No job has been submitted yet."),
        ("/?q=x", "No job is like that."),
        ("/experiments", "There is no experiment yet"),
        ("/models", "There are no models yet."),
        ("/data?q=x", "Nothing is like that."),
        ("/environments", "There are no environments yet."),
        ("/components", "There are no components yet."),
        ("/computes", "There is no compute yet."),
        ("/faults", "No fault is armed"),
        ("/compare", "Choose two jobs or more"),
        ("/files", "workspaceblobstore"),
    ],
)
def test_an_empty_emulator_says_so(site: Pages, path: str, told: str) -> None:
    answer = site.get(path)
    assert answer.status_code == 200
    assert told in answer.text
    assert re.search(r"<title>\w[\w ]*? · emulator</title>", answer.text)


def names(text: str) -> list[str]:
    return re.findall(r'name="run" value="([^"]+)"', text)


def test_a_long_list_of_jobs_comes_in_pages_newest_first(site: Pages, context: Context) -> None:
    for number in range(120):
        begin(context, f"job{number:03d}")
        begin(context, f"job{number:03d}_node", parent=f"job{number:03d}")
    seen, address = [], "/"
    while address:
        text = site.get(address).text
        assert "120 jobs, page" in text
        seen += names(text)
        following = re.search(r'rel="next" href="([^"]+)"', text)
        address = f"/{following[1]}" if following else ""
    assert seen == [f"job{number:03d}" for number in reversed(range(120))]


def test_jobs_are_found_by_experiment_state_and_text(site: Pages, context: Context) -> None:
    begin(context, "one", experiment="a")
    begin(context, "two", experiment="b", status="Failed", tags={"who": "Ädä"})
    begin(context, "three", experiment="b")
    Runs(context.store, "w").update("three", hidden=True)
    assert names(site.get("/?experiment=b").text) == ["two"]
    assert names(site.get("/?status=Failed").text) == ["two"]
    assert names(site.get("/?q=ädä").text) == []  # Only ASCII letters are the same in either case.
    assert names(site.get("/?q=Ädä").text) == ["two"]
    assert names(site.get("/?q=ONE").text) == ["one"]
    assert names(site.get("/?archived=1").text) == ["three"]


@pytest.mark.parametrize("page", ["-1", "0", "9" * 30, "x", "²", "1e9"])
def test_a_page_that_is_none_does_no_harm(site: Pages, context: Context, page: str) -> None:
    begin(context, "one")
    assert site.get("/", params={"page": page}).status_code == 200
    assert site.get("/models", params={"page": page}).status_code == 200


def job(context: Context, name: str, **properties: Any) -> None:
    path = f"{context.workspace_id}/jobs/{name}"
    context.store.put("jobs", path, {"id": path, "name": name, "properties": properties})


def test_nodes_that_have_not_begun_are_drawn(site: Pages, context: Context) -> None:
    begin(context, "job", status="Running")
    reads = {"x": {"job_input_type": "literal", "value": "${{parent.jobs.first.outputs.y}}"}}
    job(context, "job", jobs={"first": {"type": "command"}, "second": {"type": "command", "inputs": reads}})
    text = site.get("/jobs/job").text
    assert re.findall(r'data-node="(\w+)" data-state="(\w+)"', text) == [
        ("first", "NotStarted"), ("second", "NotStarted"),
    ]  # fmt: skip
    assert text.count('class="arrow"') == 1


def test_nodes_of_an_ended_pipeline_that_never_ran_are_told_from_those_to_come(site: Pages, context: Context) -> None:
    begin(context, "job", status="Failed")
    job(context, "job", jobs={"later": {"type": "command"}})
    assert 'data-state="Not run"' in site.get("/jobs/job").text


@pytest.mark.parametrize(
    "jobs",
    [
        {"a": {"inputs": {"x": {"value": "${{parent.jobs.b.outputs.o}}"}}},
         "b": {"inputs": {"x": {"value": "${{parent.jobs.a.outputs.o}}"}}}},
        {"a": {"inputs": {"x": "${{parent.inputs.missing}}", "y": ["${{"], "z": {"value": {"deep": 1}}}}},
        {"a": None, "b": [], "c": "text"},
        {"a": {"componentId": {"not": "an id"}, "inputs": [], "outputs": 3}},
        [],
    ],
)  # fmt: skip
def test_strange_definitions_are_shown_nevertheless(site: Pages, context: Context, jobs: Any) -> None:
    begin(context, "job", status="Running")
    for name in ("a", "b"):
        begin(context, name, parent="job", properties={"azureml.nodeName": name})
    job(context, "job", jobs=jobs, inputs={"i": {"jobInputType": "uri_folder", "uri": "azureml://nowhere"}})
    for path in ("/jobs/job", "/jobs/a", "/jobs/b", "/jobs/job/definition", "/jobs/job/logs"):
        assert site.get(path).status_code == 200, path


def test_a_component_that_holds_itself_ends(site: Pages, context: Context) -> None:
    path = f"{context.workspace_id}/components/snake/versions/1"
    spec = {"type": "pipeline", "jobs": {"snake": {"type": "pipeline", "component": path}}}
    context.store.put("components", path, {"id": path, "name": "1", "properties": {"componentSpec": spec}})
    begin(context, "run0")
    job(context, "run0", jobs=spec["jobs"])
    for number in range(1, 30):
        begin(context, f"run{number}", parent=f"run{number - 1}", properties={"azureml.nodeName": "snake"})
    assert 'data-node="snake"' in site.get("/jobs/run3").text
    assert site.get("/jobs/run29").status_code == 200
    assert site.get("/jobs/run0/logs").status_code == 200


def test_mlflow_that_does_not_answer_is_told(site: Pages, context: Context) -> None:
    begin(context, "one", mlflow="a" * 32, experiment_id="1")
    begin(context, "two", mlflow="b" * 32, experiment_id="1")
    assert "the MLflow server does not answer" in site.get("/jobs/one/metrics").text
    assert "the MLflow server does not answer" in site.get("/compare?run=one&run=two").text


def test_a_defect_is_a_page_without_a_traceback(site: Pages, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("inner secret")

    monkeypatch.setattr(context.store, "search", broken)
    answer = site.get("/")
    assert answer.status_code == 500
    assert "see the emulator" in answer.text
    assert "secret" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")

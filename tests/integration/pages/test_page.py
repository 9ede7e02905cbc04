"""What somebody sees who has the emulator's page open in Chromium while a real pipeline runs, and afterwards."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Job, Model
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from azureml_emulator.faults import validation
from azureml_emulator.faults.client import Control
from tests.integration.conftest import Emulator

from .conftest import Browser, Finished
from .pipeline import DATA, HOSTILE, HOSTILE_FILE, WEIGHTS, Gates


def assert_harmless(browser: Browser) -> None:
    """No text has become an element, and no script of the text's has run."""
    assert browser.driver.execute_script("return window.owned === undefined")
    assert browser.driver.execute_script("return document.querySelectorAll('img, main script').length") == 0
    assert browser.driver.execute_script("return document.scripts.length") == 1
    errors = [entry["message"] for entry in browser.driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []


@pytest.mark.conformance("page: the graph's node states and the log come live")
def test_the_states_of_nodes_and_the_log_come_without_a_reload(browser: Browser, begun: Job, gates: Gates) -> None:
    browser.open(f"/jobs/{begun.name}")
    browser.until("train to run", lambda: browser.states().get("train") == "Running")
    assert browser.states() == {"prepare": "Completed", "train": "Running", "evaluate": "NotStarted"}
    assert browser.text("h1 .state") == "Running"
    train = browser.driver.find_element(By.CSS_SELECTOR, "[data-node=train]").get_dom_attribute("href")

    browser.open(f"{train}/logs")
    browser.until("the first line", lambda: "first line" in browser.text("#log"))
    assert "\x1b" not in browser.text("#log")
    assert "second line" not in browser.text("#log")
    gates.second.touch()
    browser.until("the second line", lambda: f"second line {HOSTILE}\n" in browser.text("#log"))
    assert browser.text("#log").count("first line") == 1
    assert browser.is_same_page()
    assert_harmless(browser)

    browser.open(f"/jobs/{begun.name}")
    assert browser.states()["train"] == "Running"
    gates.end.touch()
    browser.until("the end", lambda: browser.text("h1 .state") == "Completed")
    assert set(browser.states().values()) == {"Completed"}
    browser.until("the page to rest", lambda: not browser.texts("[data-live]"))
    assert browser.is_same_page()


@pytest.mark.conformance("page: the graph, with states, data that goes in and outputs")
def test_the_graph_shows_what_reads_what(browser: Browser, finished: Finished) -> None:
    browser.open(f"/jobs/{finished.job}")
    places = {
        name: browser.driver.find_element(By.CSS_SELECTOR, f"#graph [data-node={name}] rect").rect["y"]
        for name in ("animals", "prepare", "train", "evaluate", "report")
    }
    assert sorted(places, key=places.__getitem__) == ["animals", "prepare", "train", "evaluate", "report"]
    assert len(browser.driver.find_elements(By.CSS_SELECTOR, "#graph .arrow.done")) == 4
    labels = [one.get_attribute("aria-label") for one in browser.driver.find_elements(By.CSS_SELECTOR, "#graph .node")]
    assert all(re.fullmatch(r"(prepare|train|evaluate): Completed, [\d.]+ s", str(label)) for label in labels)


@pytest.mark.conformance("page: hostile names are text")
def test_hostile_names_are_text_everywhere(browser: Browser, finished: Finished) -> None:
    folder = f"azureml/{finished.runs['prepare']}/clean/"
    for path, shown in [
        ("/", HOSTILE),
        (f"/jobs/{finished.job}", HOSTILE),
        (f"/jobs/{finished.job}/definition", HOSTILE),
        (f"/jobs/{finished.runs['prepare']}/logs", HOSTILE),
        (f"/jobs/{finished.job}/metrics", HOSTILE),
        (f"/files/azureml-blobstore?path={quote(folder)}", HOSTILE_FILE),
        (f"/files/azureml-blobstore?path={quote(folder + HOSTILE_FILE)}", HOSTILE),
        (f"/compare?run={finished.runs['prepare']}&run={finished.runs['train']}", HOSTILE),
        (f"/?q={quote(HOSTILE)}", HOSTILE),
    ]:
        browser.open(path)
        assert shown in browser.text("main"), path
        assert_harmless(browser)


@pytest.mark.conformance("page: outputs are browsed and downloaded")
def test_an_output_is_browsed_and_downloaded(browser: Browser, finished: Finished) -> None:
    browser.open(f"/jobs/{finished.runs['train']}")
    browser.driver.find_element(By.CSS_SELECTOR, "#outputs ~ .scroll a").click()
    browser.until("the folder", lambda: "weights.bin" in browser.text("main table"))
    browser.driver.find_element(By.LINK_TEXT, "weights.bin").click()
    browser.until("the file", lambda: "It is no text" in browser.text("main"))
    browser.driver.find_element(By.LINK_TEXT, "Download").click()
    file = browser.downloads / "weights.bin"
    browser.until("the download", file.exists)
    assert file.read_bytes() == WEIGHTS


def test_what_a_job_wrote_is_never_a_page_of_its_own(browser: Browser, finished: Finished) -> None:
    path = f"/files/azureml-blobstore/download?path=azureml/{finished.runs['train']}/model/page.html"
    answer = httpx.get(browser.address + path, trust_env=False)
    assert answer.content == HOSTILE.encode()
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")


def test_a_folder_with_many_files_comes_in_pages(browser: Browser, finished: Finished) -> None:
    browser.open(f"/files/azureml-blobstore?path=azureml/{finished.runs['prepare']}/clean/many/")
    first = browser.texts("main tbody td:first-child")
    browser.driver.find_element(By.CSS_SELECTOR, "[rel=next]").click()
    browser.until("the next page", lambda: "204.txt" in browser.text("main table"))
    assert [*first, *browser.texts("main tbody td:first-child")] == [f"{number:03d}.txt" for number in range(205)]


@pytest.mark.parametrize(
    "path",
    [
        "/files/azureml-blobstore?path=../azureml/",
        "/files/azureml-blobstore?path=azureml/../../azureml/",
        "/files/azureml-blobstore/download?path=../settings.json",
        "/files/..%2Fazureml?path=",
        "/files/azureml-blobstore?path=none/",
        "/files/%24root?path=",
        "/static/../app.py",
        "/static/..%2Fapp.py",
        "/jobs/none",
        "/jobs/..%2F..%2Fetc",
        "/models/none",
    ],
)
def test_an_address_that_leads_nowhere_is_a_page_that_says_so(browser: Browser, path: str) -> None:
    answer = httpx.get(browser.address + path, trust_env=False)
    assert answer.status_code == 404
    assert "Nothing here" in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.conformance("page: metrics as plots")
def test_metrics_are_plotted(browser: Browser, finished: Finished) -> None:
    browser.open(f"/jobs/{finished.job}/metrics")
    (label,) = [
        one.get_attribute("aria-label") for one in browser.driver.find_elements(By.CSS_SELECTOR, ".plot svg[role=img]")
    ]
    assert label == "loss by step. train: last 0.2, from 0.2 to 1"
    dots = browser.driver.find_elements(By.CSS_SELECTOR, ".plot circle")
    heights = [float(str(dot.get_attribute("cy"))) for dot in dots]
    assert len(heights) == 5
    assert heights == sorted(heights)  # The loss falls.


@pytest.mark.conformance("page: runs side by side")
def test_runs_are_compared_from_the_list(browser: Browser, finished: Finished) -> None:
    browser.open(f"/compare?run={finished.runs['prepare']}&run={finished.runs['train']}")
    rows = {row.split("\n")[0]: row for row in browser.texts("tr.differs")}
    assert "learning rate ≠ differs" in rows
    browser.open("/?experiment=page")
    box = browser.driver.find_element(By.CSS_SELECTOR, f"[value={finished.job}]")
    box.click()
    assert box.get_attribute("aria-label") == f"Compare {HOSTILE}"
    browser.driver.find_element(By.CSS_SELECTOR, "[action='/compare'] button").click()
    browser.until("the comparison", lambda: browser.text("h1") == "Compare")
    assert "Choose two jobs or more" in browser.text("main")


@pytest.mark.conformance("page: a model's lineage")
def test_a_model_shows_what_it_was_made_from(browser: Browser, finished: Finished, client: MLClient) -> None:
    model = Model(
        name="page-model",
        path=f"azureml://jobs/{finished.runs['train']}/outputs/model",
        type="custom_model",
        tags={"stage": "candidate"},
    )
    version = client.models.create_or_update(model).version
    browser.open(f"/models/page-model/{version}")
    boxes = browser.driver.find_elements(By.CSS_SELECTOR, ".graph .name")
    places = {box.text: box.rect["y"] for box in boxes if not box.text.startswith("code ")}
    assert places.keys() == {f"{DATA}:1", "prepare", "train", "plain-python:1", f"page-model:{version}"}
    assert places[f"{DATA}:1"] < places["prepare"] < places["train"] < places[f"page-model:{version}"]
    assert "candidate" in browser.text("main aside")
    browser.driver.find_element(By.LINK_TEXT, "train").click()
    browser.until("the job", lambda: browser.text("h1").startswith("train"))


@pytest.mark.conformance("page: computes, assets and armed faults")
def test_computes_assets_and_faults_are_listed(browser: Browser, finished: Finished, emulator: Emulator) -> None:
    browser.open("/computes")
    row = next(row for row in browser.texts("main tbody tr") if "jobs-machine" in row)
    assert row.startswith("Running")
    browser.open(f"/data/{DATA}")
    assert HOSTILE in browser.text("main table")  # The job that used it.
    browser.open("/environments/plain-python")
    assert "python=3.11" in browser.text("main pre")
    browser.open("/faults")
    assert "No fault is armed" in browser.text("main")
    control = Control(emulator.settings)
    control.arm([validation.read({"fault": "slow", "seconds": 0.001, "route": "GET nowhere/<b>x"}, name="page")])
    try:
        browser.until("the fault", lambda: "GET nowhere/<b>x" in browser.text("main table"))
    finally:
        control.clear()
    browser.until("no fault", lambda: "No fault is armed" in browser.text("main"))
    assert browser.is_same_page()
    assert_harmless(browser)


@pytest.mark.conformance("page: no request leaves the machine")
def test_no_request_leaves_the_page(browser: Browser, finished: Finished) -> None:
    browser.requested()
    for path in ("/", f"/jobs/{finished.job}", f"/jobs/{finished.job}/metrics", "/models", "/files"):
        browser.open(path)
    assert browser.requested() == {browser.address.removeprefix("http://")}


def test_the_keyboard_reaches_the_content_and_the_nodes(browser: Browser, finished: Finished) -> None:
    browser.open(f"/jobs/{finished.job}")
    body = browser.driver.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    focused = browser.driver.switch_to.active_element
    assert focused.text == "Skip to the content"
    focused.send_keys(Keys.ENTER)
    for _ in range(20):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        if browser.driver.switch_to.active_element.get_attribute("data-node") == "prepare":
            break
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    browser.until("the node", lambda: browser.text("h1").startswith("prepare"))


_ATTACK = """<!doctype html><title>waiting</title><script>
(async () => {
  const found = [];
  for (const mode of ["cors", "no-cors"]) {
    try { found.push(`${mode}: ${(await (await fetch("TARGET", {mode})).text()).length}`); }
    catch { found.push(`${mode}: refused`); }
  }
  await new Promise((done) => {
    const script = document.createElement("script");
    script.src = "TARGET/static/page.js"; script.onload = () => done(found.push("script: loaded"));
    script.onerror = () => done(found.push("script: refused")); document.head.append(script);
  });
  document.title = found.join(", ");
})();
</script>"""


@pytest.fixture
def hostile_site(browser: Browser, tmp_path: Path) -> Iterator[str]:
    """Another website, which tries to read the page."""
    (tmp_path / "index.html").write_text(_ATTACK.replace("TARGET", browser.address))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.conformance("page: other websites get nothing")
def test_another_website_gets_nothing(browser: Browser, hostile_site: str) -> None:
    browser.driver.get(hostile_site)
    browser.until("the attack", lambda: browser.driver.title != "waiting")
    assert browser.driver.title == "cors: refused, no-cors: refused, script: refused"
    browser.driver.get_log("browser")  # Its errors are what was wanted.


def test_a_name_that_leads_here_gets_nothing(browser: Browser, emulator: Emulator) -> None:
    browser.driver.get(f"http://hostile.example:{emulator.settings.ports.page}/")
    assert "at 127.0.0.1 or localhost" in browser.text("body")
    assert "Jobs" not in browser.text("body")
    browser.driver.get_log("browser")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_it_is_only_to_be_read(browser: Browser, method: str) -> None:
    for path in ("/", "/jobs/x", "/files/azureml/download"):
        assert httpx.request(method, browser.address + path, trust_env=False).status_code == 405

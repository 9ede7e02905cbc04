"""A Chromium that looks at the page of the session's emulator, and one real pipeline for all that is looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Job
from azure.identity import ClientSecretCredential
from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from azureml_emulator import lifecycle
from tests.integration.conftest import Emulator
from tests.integration.emulator_jobs.conftest import children, ended, workspace

from . import pipeline

SECONDS = 60.0


@dataclass(frozen=True)
class Browser:
    """The browser, the page's address, and the folder that downloads go to."""

    driver: WebDriver
    address: str
    downloads: Path

    def open(self, path: str) -> None:
        """Go to a page, and mark it: a page that was loaded anew has no mark."""
        self.driver.get(self.address + path)
        self.driver.execute_script("window.mark = true")

    def text(self, selector: str) -> str:
        """The text of the first element; empty if there is none."""
        script = "const one = document.querySelector(arguments[0]); return one ? one.innerText : ''"
        return str(self.driver.execute_script(script, selector))

    def texts(self, selector: str) -> list[str]:
        """The text of each element."""
        script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent.trim())"
        return [str(text) for text in self.driver.execute_script(script, selector)]

    def states(self) -> dict[str, str]:
        """The state that each node of the drawn graph is in."""
        script = (
            "return Object.fromEntries([...document.querySelectorAll('#graph .node')]"
            ".map((one) => [one.dataset.node, one.dataset.state]))"
        )
        return {str(name): str(state) for name, state in self.driver.execute_script(script).items()}

    def until(self, what: str, ready: Callable[[], bool]) -> None:
        """Wait for a state of the page."""
        try:
            WebDriverWait(self.driver, SECONDS, 0.05).until(lambda _: ready())
        except TimeoutException:
            pytest.fail(f"gave up waiting for {what}; the page shows:\n{self.text('main')}")

    def is_same_page(self) -> bool:
        """Whether nothing was loaded anew since `open`."""
        return bool(self.driver.execute_script("return window.mark === true"))

    def requested(self) -> set[str]:
        """The hosts that pages have sent requests to since this was last asked."""
        logged = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        sent = (one["params"]["request"]["url"] for one in logged if one["method"] == "Network.requestWillBeSent")
        return {urlsplit(url).netloc for url in sent if url.startswith("http")}


@pytest.fixture(scope="session")
def browser(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    downloads = tmp_path_factory.mktemp("downloads")
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in (
        "--headless=new",
        "--no-sandbox",  # Chromium's own does not work as root.
        "--disable-dev-shm-usage",
        "--window-size=1300,1000",
        # A name that is not this machine's, as a hostile site has one that leads here nevertheless.
        "--host-resolver-rules=MAP hostile.example 127.0.0.1",
    ):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options, Service("/usr/bin/chromedriver"))
    try:
        yield Browser(driver, f"http://127.0.0.1:{emulator.settings.ports.page}", downloads)
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def client(emulator: Emulator) -> Iterator[MLClient]:
    settings = emulator.settings
    with pytest.MonkeyPatch.context() as patch:
        for name, value in lifecycle.environment(settings).items():
            patch.setenv(name, value)
        credential = ClientSecretCredential(settings.tenant_id, settings.client_id, settings.client_secret)
        names = (settings.subscription_id, settings.resource_group, settings.workspace)
        yield workspace(MLClient(credential, *names, enable_telemetry=False, show_progress=False))


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> pipeline.Gates:
    return pipeline.Gates(tmp_path_factory.mktemp("gates"))


@pytest.fixture(scope="module")
def begun(client: MLClient, gates: pipeline.Gates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """The pipeline, begun; its node `train` waits for the gates."""
    yield pipeline.submit(client, tmp_path_factory.mktemp("pipeline"), gates)
    gates.open_all()


@dataclass(frozen=True)
class Finished:
    """The pipeline, ended, with the runs of its nodes by the nodes' names."""

    job: str
    runs: dict[str, str]


@pytest.fixture(scope="module")
def finished(client: MLClient, begun: Job, gates: pipeline.Gates) -> Finished:
    gates.open_all()
    assert ended(client, str(begun.name)) == "Completed"
    return Finished(str(begun.name), {name: str(run.name) for name, run in children(client, str(begun.name)).items()})

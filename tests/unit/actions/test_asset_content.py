"""What makes an asset another one: its hash, and what it needs."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from mlops_actions.assets.content import digest
from mlops_actions.assets.order import Source, needs, side_by_side
from mlops_actions.errors import ActionError

Hash = Callable[[], str]

COMPONENT: dict[str, object] = {
    "name": "train",
    "version": "1",
    "type": "command",
    "command": "python train.py",
    "code": "src",
    "environment": {"image": "debian:12", "conda_file": "conda.yaml"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src" / "inner").mkdir(parents=True)
    (tmp_path / "src" / "train.py").write_text("print(1)")
    (tmp_path / "src" / "inner" / "more.py").write_text("print(2)")
    (tmp_path / "conda.yaml").write_text("dependencies: [python=3.11]\n")
    return tmp_path


def hashed(folder: Path, document: dict[str, object] = COMPONENT, latest: str = "1") -> str:
    def resolve(kind: str, reference: str) -> str:
        return f"{kind} {reference} {latest}"

    return digest(document, folder / "train.yaml", resolve)


def test_time_and_labels_are_no_content(folder: Path) -> None:
    before = hashed(folder)
    os.utime(folder / "src" / "train.py", (1, 1))
    (folder / "conda.yaml").write_text("# the same\ndependencies:\n- python=3.11\n")
    labels = {"version": "2", "description": "new", "tags": {"a": "b"}, "name": "other", "$schema": "https://x"}
    assert hashed(folder, {**dict(reversed(COMPONENT.items())), **labels}) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "src" / "train.py").write_text("print(3)"),
        lambda folder: (folder / "src" / "inner" / "more.py").write_text("print(3)"),
        lambda folder: (folder / "src" / "new.py").touch(),
        lambda folder: (folder / "src" / "train.py").rename(folder / "src" / "other.py"),
        lambda folder: (folder / "src" / "inner" / "more.py").unlink(),
        lambda folder: (folder / "conda.yaml").write_text("dependencies: [python=3.12]\n"),
    ],
)
def test_what_is_in_files_is_content(folder: Path, change: Callable[[Path], object]) -> None:
    before = hashed(folder)
    change(folder)
    assert hashed(folder) != before


def test_what_the_yaml_says_is_content(folder: Path) -> None:
    assert hashed(folder, {**COMPONENT, "command": "python other.py"}) != hashed(folder)
    assert hashed(folder, {**COMPONENT, "code": "git+https://github.example/x"}) != hashed(folder)


@pytest.mark.parametrize("ignore", [".amlignore", ".gitignore"])
def test_what_is_not_uploaded_is_no_content(folder: Path, ignore: str) -> None:
    (folder / "src" / ignore).write_text("__pycache__/\n*.log\n!kept.log\n")
    before = hashed(folder)
    (folder / "src" / "__pycache__").mkdir()
    (folder / "src" / "__pycache__" / "train.pyc").touch()
    (folder / "src" / "inner" / "run.log").touch()
    assert hashed(folder) == before
    (folder / "src" / "inner" / "kept.log").touch()
    assert hashed(folder) != before


def test_amlignore_goes_before_gitignore(folder: Path) -> None:
    (folder / "src" / ".amlignore").write_text("*.log\n")
    (folder / "src" / ".gitignore").write_text("*.txt\n")
    before = hashed(folder)
    (folder / "src" / "run.log").touch()
    assert hashed(folder) == before
    (folder / "src" / "words.txt").touch()
    assert hashed(folder) != before


def test_a_link_is_followed_but_not_in_circles(folder: Path) -> None:
    (folder / "shared").mkdir()
    (folder / "shared" / "part.py").write_text("1")
    (folder / "src" / "shared").symlink_to(folder / "shared")
    (folder / "src" / "itself").symlink_to(folder / "src")
    before = hashed(folder)
    (folder / "shared" / "part.py").write_text("2")
    assert hashed(folder) != before


def test_the_latest_version_counts_as_the_one_that_it_is(folder: Path) -> None:
    document = {**COMPONENT, "environment": "azureml:tools@latest"}
    assert hashed(folder, document, "1") != hashed(folder, document, "2")
    fixed = {**COMPONENT, "environment": "azureml:tools:1"}
    assert hashed(folder, fixed, "1") == hashed(folder, fixed, "2")


def test_the_components_that_a_pipeline_component_names_are_its_content(folder: Path) -> None:
    (folder / "train.yaml").write_text(yaml.safe_dump(COMPONENT))
    document: dict[str, object] = {"type": "pipeline", "jobs": {"a": {"component": "file:./train.yaml"}}}

    def resolve(kind: str, reference: str) -> str:
        return f"{kind} {reference}"

    def whole() -> str:
        return digest(document, folder / "pipeline.yaml", resolve)

    before = whole()
    (folder / "src" / "train.py").write_text("print(3)")
    changed = whole()
    assert changed != before
    (folder / "train.yaml").write_text(yaml.safe_dump({**COMPONENT, "command": "false"}))
    assert whole() != changed


def source(kind: str, name: str, **fields: object) -> Source:
    return Source(kind, Path(f"{name}.yaml"), {"name": name, **fields})


def test_each_after_what_it_needs() -> None:
    train = source("component", "train", environment="azureml:tools@latest")
    whole = source(
        "component", "whole", jobs={"a": {"component": "azureml:train:1"}, "b": {"component": "azureml:x:1"}}
    )
    graph = needs([whole, train, source("environment", "tools"), source("data", "words"), source("data", "words")])
    assert graph == {0: {1}, 1: {2}, 2: set(), 3: set(), 4: {3}}


def test_a_circle_is_told() -> None:
    one, two = source("component", "one", component="azureml:two:1"), source("component", "two", c="azureml:one@latest")
    with pytest.raises(ActionError, match=r"the assets need each other: .*one\.yaml needs .*two\.yaml"):
        needs([one, two])


def test_the_independent_are_worked_on_at_once() -> None:
    both = threading.Barrier(2)
    done = []

    def work(number: int) -> None:
        if number < 2:
            both.wait(timeout=10)
        done.append(number)

    assert side_by_side({0: set(), 1: set(), 2: {0, 1}}, work) == {}
    assert done[-1] == 2


def test_only_what_needs_a_failed_one_is_left_out() -> None:
    done = []

    def work(number: int) -> None:
        if number == 0:
            raise ActionError("no")
        done.append(number)

    failed = side_by_side({0: set(), 1: {0}, 2: set(), 3: {2}, 4: {1}}, work)
    assert list(failed) == [0]
    assert sorted(done) == [2, 3]


@pytest.mark.fault(
    "runner: the workflow is cancelled while assets are registered",
    "what is under way is finished, nothing more is begun",
)
def test_a_step_that_is_told_to_end_begins_nothing_more() -> None:
    begun: list[int] = []
    end = threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        if number == 0:
            raise KeyboardInterrupt("SIGINT")
        assert end.wait(30)

    with pytest.raises(KeyboardInterrupt, match="SIGINT"):
        side_by_side({number: set() for number in range(100)}, work)
    end.set()
    for thread in threading.enumerate():
        if thread.name.startswith("assets"):
            thread.join(30)
    assert len(begun) < 20

"""Writes the pages of docs/ that are generated, and the README's table of actions; --check only compares.

docs/actions.md and the table come from the action.yml files, docs/emulator-coverage.md from the emulator's routes,
docs/emulator-conformance.md and docs/faults.md from the marks of the tests.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from azureml_emulator import coverage

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "actions.md"
COVERAGE = ROOT / "docs" / "emulator-coverage.md"
CONFORMANCE = ROOT / "docs" / "emulator-conformance.md"
FAULTS = ROOT / "docs" / "faults.md"
README = ROOT / "README.md"
BEGIN, END = "<!-- actions: written by docs/generate.py -->", "<!-- /actions -->"
HEADER = """# The actions

Written by `docs/generate.py` from each action's `action.yml`: change those, then run it.

A step uses an action as `org/mlops-actions/actions/<name>@<commit>`. The same thing on a laptop is
`mlops <name> --<input>=<value>`. An input that is the empty string is not given.
"""

COVERAGE_HEADER = """# What the emulator has of Azure's REST API

Written by `docs/generate.py` from the emulator's routes; `azureml-emulator coverage` prints the same. The names are the
operationIds of the public REST specification. `{workspace}`, `{group}` and `{subscription}` stand for the beginnings of
ARM's paths. What is in no row is answered 501, too: the emulator never makes a success up.
"""
CONFORMANCE_HEADER = """# The emulator's conformance suite

Written by `docs/generate.py` from the marks `@pytest.mark.conformance("feature")` in `tests/`. What is in
`tests/integration` runs against a real emulator, by the unmodified SDK where the SDK can say it.

| Feature | Cases |
|---|---|
"""

FAULTS_HEADER = """# What goes wrong, and what the actions do then

Written by `docs/generate.py` from the marks `@pytest.mark.fault("fault", "outcome")` in `tests/`: each row is a test,
or several. Those in `tests/integration` bring the fault about in a real emulator, those in `tests/workflows` under act,
those in `tests/cluster` in a real Kubernetes. `make soak` kills at random: [actions-soak.md](actions-soak.md).

| Fault | What happens | Tests |
|---|---|---|
"""

# In the order in which the main job uses them.
ORDER = (
    "register-assets",
    "ensure-compute",
    "run-aml-pipeline",
    "gate-model",
    "fetch-model",
    "build-image",
    "kube-deploy",
)


def definitions() -> dict[str, dict[str, Any]]:
    """Each action's action.yml by the action's name; what ORDER does not name comes last."""
    found = {file.parent.name: yaml.safe_load(file.read_text("utf-8")) for file in ROOT.glob("actions/*/action.yml")}
    known = [name for name in ORDER if name in found]
    return {name: found[name] for name in [*known, *sorted(found.keys() - set(known))]}


def cell(text: object) -> str:
    """Text that stays in its cell of a Markdown table."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")


def default(entry: dict[str, Any]) -> str:
    """What an input is if it is not given."""
    if entry.get("required"):
        return "required"
    return f"`{cell(entry['default'])}`" if entry.get("default") else ""


def section(name: str, action: dict[str, Any]) -> str:
    """The page's part on one action."""
    inputs = [f"| `{key}` | {cell(e['description'])} | {default(e)} |" for key, e in action["inputs"].items()]
    outputs = [f"| `{key}` | {cell(e['description'])} |" for key, e in action["outputs"].items()]
    lines = [f"## {name}", "", f"{' '.join(action['description'].split())}.", ""]
    lines += ["| Input | Description | Default |", "|---|---|---|", *inputs, ""]
    lines += ["| Output | Description |", "|---|---|", *outputs, ""]
    return "\n".join(lines)


def page(actions: dict[str, dict[str, Any]]) -> str:
    """docs/actions.md."""
    return "\n".join([HEADER, *(section(name, action) for name, action in actions.items())])


def readme(text: str, actions: dict[str, dict[str, Any]]) -> str:
    """The README with its table of actions as it ought to be."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        sys.exit(f"README.md: the lines '{BEGIN}' and '{END}' are to enclose the table of actions")
    rows = [
        f"| [{name}](docs/actions.md#{name}) | {cell(action['description'])} "
        f"| {', '.join(f'`{output}`' for output in action['outputs'])} |"
        for name, action in actions.items()
    ]
    table = "\n".join(["| Action | What it does | Outputs |", "|---|---|---|", *rows])
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def conformance() -> str:
    """docs/emulator-conformance.md: each feature with the tests that show it."""
    shown: dict[str, list[str]] = {}
    for arguments, test in marked("conformance"):
        for feature in arguments:
            shown.setdefault(feature, []).append(test)
    rows = [f"| {cell(feature)} | {'<br>'.join(tests)} |\n" for feature, tests in sorted(shown.items())]
    return CONFORMANCE_HEADER + "".join(rows)


def faults() -> str:
    """docs/faults.md: each fault with what happens and the tests that show it."""
    shown: dict[str, tuple[str, list[str]]] = {}
    for arguments, test in marked("fault"):
        if len(arguments) != len(("fault", "outcome")):
            sys.exit(f"{test}: its mark is to name the fault and what happens")
        fault, outcome = arguments
        told, tests = shown.setdefault(fault, (outcome, []))
        if told != outcome:
            sys.exit(f"{test}: of '{fault}' another test says that {told}")
        tests.append(test)
    rows = [
        f"| {cell(fault)} | {cell(told)} | {'<br>'.join(tests)} |\n" for fault, (told, tests) in sorted(shown.items())
    ]
    return FAULTS_HEADER + "".join(rows)


def marked(mark: str) -> Iterator[tuple[list[str], str]]:
    """The arguments of each mark of that name, and the test that has it."""
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for arguments, test in marks(file, mark):
            yield arguments, f"`{file.relative_to(ROOT).as_posix()}::{test}`"


def marks(file: Path, mark: str) -> Iterator[tuple[list[str], str]]:
    """The (arguments, test) pairs of a file of tests: by marks of the tests, or of the whole file (`pytestmark`)."""
    tree = ast.parse(file.read_text("utf-8"))
    tests = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    whole = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
    ]
    for test in tests:
        for node in [*whole, *test.decorator_list]:
            yield from ((arguments, test.name) for arguments in arguments_of(node, mark))


def arguments_of(node: ast.expr, mark: str) -> Iterator[list[str]]:
    """The arguments of each mark of that name in an expression."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == f"pytest.mark.{mark}":
            yield [str(ast.literal_eval(argument)) for argument in call.args]


def main() -> None:
    """Write the files, or with --check say which of them are not as they would be written."""
    actions = definitions()
    wanted = {
        PAGE: page(actions),
        README: readme(README.read_text("utf-8"), actions),
        COVERAGE: f"{COVERAGE_HEADER}\n{coverage.as_markdown(coverage.rows())}",
        CONFORMANCE: conformance(),
        FAULTS: faults(),
    }
    stale = [file for file, text in wanted.items() if not file.exists() or file.read_text("utf-8") != text]
    if "--check" in sys.argv[1:]:
        if stale:
            names = ", ".join(str(file.relative_to(ROOT)) for file in stale)
            sys.exit(f"{names} differ from what they are written from: run python docs/generate.py")
        return
    for file in stale:
        file.write_text(wanted[file], "utf-8")


if __name__ == "__main__":
    main()

"""`python -m sandbox.lint [LINTER...]`: runs them side by side, and shows what the failing ones say."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from sandbox.lint import composites, files, manifests
from sandbox.paths import ROOT
from sandbox.processes import SandboxError

Findings = list[str]


def _run(*command: str, stdin: str | None = None, cwd: str = ".") -> Findings:
    """What a linter prints, if it does not like what it sees."""
    path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=ROOT / cwd,
        env={**{k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}, "PATH": path, "NO_COLOR": "1"},
        input=stdin,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return [] if done.returncode == 0 else [done.stdout.strip() or f"{command[0]}: exit status {done.returncode}"]


def _actionlint() -> Findings:
    found = _run("actionlint", *files.workflows())
    for action in files.actions():
        name = action.replace("action.yml", "action-as-workflow.yml")
        found += _run("actionlint", "-stdin-filename", name, "-", stdin=composites.as_workflow(action))
    return found


def _schemas() -> Findings:
    kinds = {"vendor.github-workflows": files.workflows(), "vendor.github-actions": files.actions()}
    return [f for kind, names in kinds.items() for f in _run("check-jsonschema", "--builtin-schema", kind, *names)]


LINTERS: dict[str, Callable[[], Findings]] = {
    "ruff": lambda: _run("ruff", "check", "--quiet", ".") + _run("ruff", "format", "--check", "--quiet", "."),
    "mypy": lambda: _run("mypy"),
    # A project of its own, with other packages than this one.
    "inference": lambda: _run(os.environ.get("UV", "uv"), "run", "--frozen", "--quiet", "mypy", cwd="inference"),
    "actionlint": _actionlint,
    "zizmor": lambda: _run("zizmor", "--quiet", "--offline", "--strict-collection", "--persona", "auditor", "."),
    "schemas": _schemas,
    "yamllint": lambda: _run("yamllint", "--strict", *files.yaml_files()),
    "shellcheck": lambda: _run("shellcheck", *files.shell_scripts()),
    "hadolint": lambda: _run("hadolint", *files.dockerfiles()),
    "manifests": manifests.findings,
}


def _timed(name: str) -> tuple[str, Findings, float]:
    began = time.monotonic()
    try:
        found = LINTERS[name]()
    except SandboxError as error:
        found = [str(error)]
    return name, found, time.monotonic() - began


def main(arguments: Sequence[str]) -> int:
    """Run the named linters, or all of them; the exit status is 1 if one of them finds something."""
    if unknown := sorted(set(arguments) - set(LINTERS)):
        print(f"no linter is called {', '.join(unknown)}; there are {', '.join(LINTERS)}", file=sys.stderr)
        return 2
    failed = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for name, found, seconds in pool.map(_timed, arguments or LINTERS):
            print(f"{'✗' if found else '✓'} {name:<12}{seconds:6.1f} s", flush=True)
            for finding in found:
                print(finding)
            failed += [name] if found else []
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

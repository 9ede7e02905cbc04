"""Starts act in host mode, with a home, an environment and temporary files of its own, and follows it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from sandbox.act.leftovers import end_leftovers, end_processes, new_run
from sandbox.act.results import Job, Step, WorkflowRun
from sandbox.act.trees import export
from sandbox.act.uses import Scan
from sandbox.processes import SandboxError

OnStep = Callable[[Job, Step], None]
OnLine = Callable[[Job, Step, str], None]

LABELS = ("ubuntu-24.04", "ubuntu-latest", "self-hosted")
"""The `runs-on` labels that this machine serves."""

# How this machine reaches package registries: the steps need it as much as this process does. Nothing else of the
# environment gets into a run, or a test would pass for what happens to be set here.
_PASSED_ON = (
    "LANG",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
)
_PASSED_ON_PREFIXES = ("PIP_", "UV_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_NOT_PASSED_ON = ("UV_PROJECT_ENVIRONMENT", "UV_RUN_RECURSION_DEPTH")


@dataclass
class RunningWorkflow:
    """A workflow that act runs. As a context manager it does not outlive its block."""

    process: subprocess.Popen[str]
    folder: Path
    keep: bool
    on_step: OnStep | None
    on_line: OnLine | None
    run: WorkflowRun = field(default_factory=WorkflowRun)
    began: float = field(default_factory=time.monotonic)
    _reader: threading.Thread = field(init=False)
    _callback_error: Exception | None = None

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, name="act", daemon=True)
        self._reader.start()

    def __enter__(self) -> RunningWorkflow:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.cancel()
        self._finish(timeout=120)

    def cancel(self) -> None:
        """Cancel the run as a person would: steps with `if: always()` still run. Returns at once."""
        self.run.cancelled = True
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)

    def wait(self, timeout: float | None = None) -> WorkflowRun:
        """Wait for its end. Raises SandboxError if a job found no runner: act leaves such a job out without a word."""
        self._finish(timeout)
        for job, label in self.run.without_runner.items():
            raise SandboxError(f"job {job} runs on '{label}', a label that no runner here has ({', '.join(LABELS)})")
        return self.run

    def result(self, timeout: float | None = None) -> WorkflowRun:
        """Wait for its end as `wait` does; Ctrl-C cancels the run and waits for its cleanup."""
        with self:
            return self.wait(timeout)

    def _finish(self, timeout: float | None) -> None:
        self._reader.join(timeout)
        if self._reader.is_alive():
            self.process.kill()
            self._reader.join()
            raise SandboxError(
                f"the workflow had not ended after {timeout} s; the last of its log:\n{self.run.log[-2000:]}"
            )
        self.run.exit_code = self.process.wait()
        self.run.seconds = self.run.seconds or time.monotonic() - self.began
        end_processes(self.folder)  # what a step put into the background would outlive the runner
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        if self._callback_error is not None:
            raise self._callback_error

    def _read(self) -> None:
        assert self.process.stdout is not None  # noqa: S101 - it is a pipe
        for line in self.process.stdout:
            taken = self.run.take(line.rstrip("\n"))
            if taken is None or self._callback_error is not None:
                continue
            try:
                self._tell(*taken)
            except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
                self._callback_error = error

    def _tell(self, job: Job, step: Step | None, text: str) -> None:
        if step is None:
            return
        if self.on_step is not None and (text.startswith("⭐ Run Main") or step.outcome is not None):
            self.on_step(job, step)
        if self.on_line is not None and step.lines and step.lines[-1] == text:
            self.on_line(job, step, text)


def start_workflow(
    workflow: Path,
    *,
    workdir: Path,
    repository: str = "local/repository",
    event: str = "workflow_dispatch",
    inputs: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    run_id: str = "1",
    repositories: Mapping[str, Path] | None = None,
    folder: Path | None = None,
    on_step: OnStep | None = None,
    on_line: OnLine | None = None,
) -> RunningWorkflow:
    """Start a workflow file of the repository in `workdir`, and return as soon as act runs.

    `repository` is the owner/name that the repository has for the run, `repositories` where checkouts of others are
    (owner/name to folder). `env` is what the runner's environment has besides the ordinary; PATH in it replaces this
    process's. The run's files (artifacts, checkouts) are in `folder` if one is given, else gone afterwards. `on_step`
    is called when a step begins and when it ends, `on_line` for each line that it prints, both from a thread.
    """
    end_leftovers()
    given, env = folder is not None, dict(env or {})
    folder = folder.resolve() if folder is not None else new_run()
    files = _files(folder, inputs or {}, secrets or {}, variables or {})
    checkouts = {repository: workdir, **(repositories or {})}
    environment = _environment(folder, env)
    settings = {
        **env,
        "HOME": environment["HOME"],
        "NO_COLOR": "1",
        "GITHUB_REPOSITORY": repository,
        "GITHUB_RUN_ID": run_id,
        "STANDIN_ARTIFACTS": str(folder / "artifacts"),
        "STANDIN_REPOS": str(_linked(folder / "repositories", checkouts)),
        "STANDIN_PYTHON": sys.executable,
        "STANDIN_TOOLS": str(_tools(folder / "tools")),
    }
    settings.pop("PATH", None)  # act would set it again for each step, over what $GITHUB_PATH added
    files["--env-file"] = _written(folder / "env.yaml", settings)
    argv = [
        str(Path(sysconfig.get_path("scripts")) / "act"),
        event,
        *("-C", str(workdir), "-W", str(workflow.resolve())),
        *("--pull=false", "--action-offline-mode", "--rm", "--no-cache-server", "--json"),
        *("--action-cache-path", str(folder / "act")),
        *(part for label in LABELS for part in ("-P", f"{label}=-self-hosted")),
        *(part for flag, file in files.items() for part in (flag, str(file))),
        *_local_repositories(workflow, workdir, checkouts, folder / "exports"),
    ]
    process = subprocess.Popen(
        argv,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C is for this process, which passes it on once
    )
    return RunningWorkflow(process, folder, given, on_step, on_line)


def _environment(folder: Path, env: Mapping[str, str]) -> dict[str, str]:
    passed = {k: v for k, v in os.environ.items() if k in _PASSED_ON or k.startswith(_PASSED_ON_PREFIXES)}
    path = env.get("PATH", os.environ["PATH"]).split(os.pathsep)
    own = sysconfig.get_path("scripts")  # of this project's environment: a runner does not have it
    home = folder / "home"
    for made in (home, folder / "tmp", folder / "artifacts"):
        made.mkdir(parents=True, exist_ok=True)
    return {
        **{k: v for k, v in passed.items() if k not in _NOT_PASSED_ON},
        **_uv_folders(),
        "PATH": os.pathsep.join(part for part in path if part != own),
        "HOME": str(home),
        "TMPDIR": str(folder / "tmp"),
    }


def _uv_folders() -> dict[str, str]:
    """Where uv keeps packages and Pythons: with a home of its own, each run would fetch all of them anew."""
    found = {"UV_CACHE_DIR": ("cache", "dir"), "UV_PYTHON_INSTALL_DIR": ("python", "dir")}
    ask = {name: [_uv(), *arguments] for name, arguments in found.items() if name not in os.environ}
    return {k: subprocess.run(v, check=True, capture_output=True, text=True).stdout.strip() for k, v in ask.items()}


def _uv() -> str:
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise SandboxError("uv is not on the PATH; `make setup` installs it")
    return uv


def _tools(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "uv").unlink(missing_ok=True)
    (folder / "uv").symlink_to(_uv())
    return folder


def _linked(folder: Path, checkouts: Mapping[str, Path]) -> Path:
    for name, checkout in checkouts.items():
        link = folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(checkout.resolve())
    return folder


def _local_repositories(workflow: Path, workdir: Path, checkouts: Mapping[str, Path], exports: Path) -> Sequence[str]:
    """The flags that give act a folder for each action and workflow of another repository."""
    scan = Scan(workdir, checkouts)
    scan.visit(workflow)
    flags: list[str] = []
    for use, folder in scan.mapped.items():
        target = folder
        if folder in checkouts.values():
            target = exports / use.replace("/", "_")
            export(folder, target)
        flags += ["--local-repository", f"{use}={target}"]
    return flags


def _files(
    folder: Path, inputs: Mapping[str, str], secrets: Mapping[str, str], variables: Mapping[str, str]
) -> dict[str, Path]:
    """Settings go into files, not onto act's command line, which every user of the machine can read."""
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "--input-file": _written(folder / "inputs.yaml", inputs),
        "--secret-file": _written(folder / "secrets.yaml", secrets),
        "--var-file": _written(folder / "variables.yaml", variables),
    }


def _written(file: Path, values: Mapping[str, str]) -> Path:
    file.touch(mode=0o600)
    file.write_text(json.dumps(dict(values)))  # JSON is YAML
    return file

"""`make test`: all linters and all tests, side by side where they do not wait for each other.

The tests on Kubernetes mostly wait, and first for its programs to be built; all else runs meanwhile, but for the other
tests that need act or Docker: they come after those on Kubernetes, which need both, too.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from . import docker, paths, registry
from .stages import Stages

ON_KUBERNETES = "tests/cluster"
AFTER_KUBERNETES = (
    "tests/workflows",
    "tests/integration/images",
    "tests/integration/pages",
    "tests/integration/summaries",
    "tests/integration/test_inference_image.py",
)
OTHERS = ("tests/unit", "tests/integration", *(f"--ignore={path}" for path in AFTER_KUBERNETES))
_PYTEST = (sys.executable, "-m", "pytest")


class _Checks:
    """Runs commands as stages; `failed` names those that did not end well."""

    def __init__(self, console: Console) -> None:
        self.stages = Stages(console)
        self.failed: list[str] = []

    def run(
        self, name: str, command: Sequence[str | Path], *, folder: Path = paths.ROOT, log: Path | None = None
    ) -> bool:
        """Run a command, its output shown, or kept in `log`; whether it ended well."""
        try:
            with self.stages.stage(name):
                self._run(command, folder, log)
        except subprocess.CalledProcessError:
            self.failed.append(name)
            return False
        return True

    def _run(self, command: Sequence[str | Path], folder: Path, log: Path | None) -> None:
        with contextlib.ExitStack() as stack:
            output = None if log is None else stack.enter_context(log.open("ab"))
            started = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            try:
                status = started.wait()
            except KeyboardInterrupt:
                # The terminal has interrupted the tests, too. subprocess.run would kill them while they end what they
                # have started.
                started.wait()
                raise
        if status:
            raise subprocess.CalledProcessError(status, command)

    def on_kubernetes(self, log: Path) -> None:
        """Build Kubernetes if need be, then the tests that it serves, and those that have to wait for them."""
        if self.run("Kubernetes is built", (sys.executable, "-m", "sandbox.kubernetes", "build"), log=log):
            self.run("tests on Kubernetes", (*_PYTEST, ON_KUBERNETES), log=log)
        self.run("tests with act, Docker and a browser", (*_PYTEST, *AFTER_KUBERNETES), log=log)


@contextlib.contextmanager
def _docker_and_registry() -> Iterator[None]:
    """Keep both up for all tests; what these tests started, they end."""
    had_docker = docker.DockerDaemon(paths.state() / "docker").runs()
    had_registry = registry.Registry(paths.state() / "registry", registry.PORT).runs()
    docker.ensure_docker()
    registry.ensure_registry()
    try:
        yield
    finally:
        if not had_registry:
            registry.stop_registry()
        if not had_docker:
            docker.stop_docker()


def check(console: Console) -> int:
    """Run everything; the answer is the exit status, 1 if anything failed."""
    checks = _Checks(console)
    with tempfile.TemporaryDirectory() as folder, _docker_and_registry():
        log = Path(folder) / "kubernetes.log"
        on_kubernetes = threading.Thread(target=checks.on_kubernetes, args=(log,))
        on_kubernetes.start()
        try:
            uv_in_inference = (os.environ.get("UV", "uv"), "run", "--frozen", "--quiet", "pytest")
            checks.run("tests of the service", uv_in_inference, folder=paths.ROOT / "inference")
            checks.run("all other tests", (*_PYTEST, *OTHERS))
            # One of the linters reads manifests with the kubectl that is being built.
            checks.run("linters", (sys.executable, "-m", "sandbox.lint"))
        finally:
            on_kubernetes.join()
            console.print(log.read_text(errors="replace"), markup=False, highlight=False, soft_wrap=True)
    for name in checks.failed:
        console.print(f"failed: {name}", style="red")
    return 1 if checks.failed else 0

"""Builds Kubernetes from its Go modules, once for this machine: some seven minutes on two cores."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sandbox import paths
from sandbox.lock import exclusive
from sandbox.processes import SandboxError

SOURCES = Path(__file__).parent
KUBERNETES = "k8s.io/kubernetes"
PROGRESS_SECONDS = 20.0

Say = Callable[[str], None]


def cache() -> Path:
    """Where the built programs stay."""
    return paths.cache() / "kubernetes"


def key(module: str) -> str:
    """Names one build of the Go module `module`: its sources, its go.sum and the version of Go."""
    digest = hashlib.sha256(_go("env", "GOVERSION", module=module, env=os.environ).encode())
    for source in sorted(p for p in (SOURCES / module).iterdir() if p.suffix in {".go", ".mod", ".sum"}):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def binary(module: str, say: Say) -> Path:
    """The program of the Go module `module` (kubeall or pause), built unless it was before."""
    built = cache() / f"{module}-{key(module)}"
    if built.exists():
        return built
    with exclusive(cache() / "build.lock", lambda holder: say(f"waiting for the build in process {holder}")):
        if not built.exists():
            _build(module, built, say)
    return built


def _build(module: str, built: Path, say: Say) -> None:
    began = time.monotonic()
    env, private = _environment()
    part = built.with_suffix(".part")
    try:
        say(f"{module}: downloading Go modules")
        _go("mod", "download", module=module, env=env)
        total = len(_go("list", "-deps", ".", module=module, env=env).split())
        flags = ["-trimpath", "-buildvcs=false", "-ldflags", _linker_flags(module, env), "-o", str(part)]
        say(f"{module}: compiling {total} packages, once for this machine")
        _compile(module, flags, env, total, say)
    except SandboxError as error:
        raise SandboxError(f"{error}; what is built already is kept in {private or env['GOCACHE']}") from None
    part.replace(built)
    if private is not None:
        shutil.rmtree(private)
    for old in built.parent.glob(f"{module}-*"):
        if old != built:
            old.unlink()
    say(f"{module}: built in {time.monotonic() - began:.0f} s")


def _environment() -> tuple[dict[str, str], Path | None]:
    """The build's environment, and the folder to delete afterwards.

    Modules and build cache are 4 GB that only this build needs, so they lie in a folder of their own, which an
    interrupted build leaves for the next one to go on with. SANDBOX_GO_CACHE=1 uses and keeps Go's own caches.
    """
    env = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-modcacherw"}
    if os.environ.get("SANDBOX_GO_CACHE"):
        env.setdefault("GOCACHE", _go("env", "GOCACHE", module="kubeall", env=env).strip())
        return env, None
    private = cache() / "go"
    return {**env, "GOCACHE": str(private / "build"), "GOMODCACHE": str(private / "modules")}, private


def _linker_flags(module: str, env: dict[str, str]) -> str:
    flags = ["-s", "-w"]
    if module == "kubeall":
        version = _go("list", "-m", "-f", "{{.Version}}", KUBERNETES, module=module, env=env).strip()
        major, minor, _ = version.removeprefix("v").split(".", 2)
        values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
            flags += [f"-X={package}.{name}={value}" for name, value in values.items()]
    return " ".join(flags)


def _compile(module: str, flags: list[str], env: dict[str, str], total: int, say: Say) -> None:
    """`go build -v` names each package as it is compiled; say how far it is now and then, keep the last lines."""
    argv = ["go", "build", "-v", *flags, "."]
    process = subprocess.Popen(
        argv, cwd=SOURCES / module, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    with process:
        lines = list(_with_progress(process, module, total, say))
    if process.returncode != 0:
        raise SandboxError(f"{module} did not build: {' / '.join(lines[-3:])}")


def _with_progress(process: subprocess.Popen[str], module: str, total: int, say: Say) -> Iterator[str]:
    assert process.stderr is not None  # noqa: S101 - piped above
    due = time.monotonic() + PROGRESS_SECONDS
    for count, line in enumerate(process.stderr, start=1):
        if time.monotonic() > due:
            say(f"{module}: compiled {min(count, total)} of {total} packages")
            due = time.monotonic() + PROGRESS_SECONDS
        yield line.strip()


def _go(*arguments: str, module: str, env: os._Environ[str] | dict[str, str]) -> str:
    try:
        done = subprocess.run(
            ["go", *arguments], cwd=SOURCES / module, env=env, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise SandboxError("go is not on the PATH; install Go 1.24 or newer (https://go.dev/dl)") from None
    if done.returncode != 0:
        raise SandboxError(f"go {' '.join(arguments[:2])} failed: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout

"""Starts the cluster, mends it and stops it."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sandbox import paths
from sandbox.kubernetes import build, configuration, layout, leftovers, network
from sandbox.kubernetes.certificates import ensure_certificates
from sandbox.kubernetes.static_image import StaticImage
from sandbox.lock import exclusive
from sandbox.processes import Daemon, SandboxError, wait_for

Say = Callable[[str], None]


def print_line(line: str) -> None:
    """The default way to say how far it is."""
    print(line, file=sys.stderr, flush=True)


def ensure(say: Say = print_line) -> Path:
    """The kubeconfig of a cluster that works: started, or mended, unless it is well already."""
    layout.require_root()
    kubeall = build.binary("kubeall", say)
    with exclusive(_lock(), lambda holder: say(f"waiting for process {holder}, which starts or stops the cluster")):
        _refuse_other_owner()
        if not _healthy(kubeall):
            _bring_up(kubeall, say)
    return layout.kubeconfig("admin")


def stop(say: Say = print_line) -> None:
    """Stop the cluster and leave nothing of it: no process, mount, network, rule, setting, cgroup or file."""
    if not layout.state().exists() and not layout.RUN.exists():
        return
    layout.require_root()
    with exclusive(_lock(), lambda holder: say(f"waiting for process {holder}, which starts or stops the cluster")):
        _refuse_other_owner()
        _take_down(say)


def running() -> bool:
    """Whether any program of the cluster runs."""
    return any(_daemon(name).pid() is not None for name in layout.DAEMONS)


def _lock() -> Path:
    return paths.cache() / "kubernetes" / "cluster.lock"


def _daemon(name: str) -> Daemon:
    return Daemon(name, layout.state())


def _refuse_other_owner() -> None:
    """One cluster to a machine: another state folder's is not ours to touch."""
    owner = Path(layout.OWNER.read_text()) if layout.OWNER.exists() else layout.state()
    if owner != layout.state() and owner.exists():
        raise SandboxError(f"the cluster of {owner} runs on this machine; stop it first (SANDBOX_STATE={owner.parent})")


def _bring_up(kubeall: Path, say: Say) -> None:
    # Twice: what was just being killed may have been taken for alive the first time.
    for attempt in ("mending the cluster: starting again what has died", "once more"):
        if running() and _built_from(kubeall):
            say(attempt)
            try:
                _start(kubeall, say, patience=15)
            except SandboxError as error:
                say(f"that did not mend it: {error}")
            else:
                return
    if layout.state().exists() or layout.RUN.exists():
        say("starting the cluster anew")
        _take_down(say)
    _start(kubeall, say)


def _built_from(kubeall: Path) -> bool:
    return layout.kubeall().is_symlink() and layout.kubeall().readlink() == kubeall


def _healthy(kubeall: Path) -> bool:
    if not _built_from(kubeall) or any(_daemon(name).pid() is None for name in layout.DAEMONS):
        return False
    return _api_ready() and _node_ready() and _kubelet_well() and _proxy_well() and _containerd_answers()


def _start(kubeall: Path, say: Say, *, patience: float = 60) -> None:
    """Start what does not run. Each step finds what an earlier call left and goes on from there.

    No single program may take longer than `patience` seconds.
    """
    began = time.monotonic()
    for folder in (layout.state(), layout.RUN, layout.kubeall().parent):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    layout.OWNER.write_text(str(layout.state()))
    for name in ("kubeall", "kubectl"):
        link = layout.kubeall().with_name(name)
        link.unlink(missing_ok=True)
        link.symlink_to(kubeall)
    ensure_certificates()
    configuration.write_all()
    network.ensure_network()

    for name in ("containerd", "etcd", "kube-apiserver"):
        _launch(name)
    _await("kube-apiserver", "the API server to be ready", _api_ready, patience)
    for name in ("kube-controller-manager", "kube-scheduler"):
        _launch(name)
    _await("containerd", "containerd to answer", _containerd_answers, patience)
    _ensure_pause_image(say)
    for name in ("kubelet", "kube-proxy"):
        _launch(name)
    _await("kubelet", "the kubelet to be healthy", _kubelet_well, patience)
    _await("kube-proxy", "kube-proxy to be healthy", _proxy_well, patience)
    _await("kubelet", "the node to be ready", _node_ready, patience)
    # It appears seconds after the node is ready, and without it the first bare pod is refused.
    _await("kube-controller-manager", "the default service account", _service_account_exists, patience)
    say(f"Kubernetes is ready after {time.monotonic() - began:.1f} s")


def _launch(name: str) -> None:
    daemon = _daemon(name)
    if daemon.pid() is None:
        for host, port in layout.PORTS.get(name, []):
            _require_free(name, host, port)
        daemon.start(configuration.command(name), env=layout.environment())


def _require_free(name: str, host: str, port: int) -> None:
    """A program that was killed counts as dead a moment before its last thread has let go of the port."""
    try:
        wait_for(f"{host}:{port}", partial(_is_free, host, port), seconds=5)
    except SandboxError:
        raise SandboxError(
            f"{name} needs {host}:{port}, which another program has: another Kubernetes on this machine? "
            "Stop it, or set KUBECONFIG to use it"
        ) from None


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def _await(name: str, what: str, ready: Callable[[], bool], seconds: float) -> None:
    """Wait, but not for a program that has died; either way say what its log ends with."""

    def ready_or_dead() -> bool:
        if _daemon(name).pid() is None:
            raise SandboxError(f"{name} ended")
        return ready()

    try:
        wait_for(what, ready_or_dead, seconds=seconds)
    except SandboxError as error:
        raise SandboxError(f"{error}; {_daemon(name).log} ends: {_daemon(name).last_lines(1)}") from None


def _ensure_pause_image(say: Say) -> None:
    """Import our pause program, the first process of every pod, straight into the runtime."""
    if layout.PAUSE_IMAGE in _ctr("images", "ls", "-q").stdout.decode().split():
        return
    archive = StaticImage.of(build.binary("pause", say)).archive(layout.PAUSE_IMAGE)
    done = _ctr("images", "import", "-", stdin=archive)
    if done.returncode != 0:
        raise SandboxError(f"containerd did not take the pause image: {done.stderr.decode().strip()}")


def _take_down(say: Say) -> None:
    """Stop in an order in which each program can still clean up after itself, then remove what is left."""
    _daemon("kubelet").stop()  # first, or it would start the pods again
    _daemon("kube-proxy").stop()
    if layout.kubeall().exists():
        _remove_pods(say)
        subprocess.run(
            [layout.kubeall(), "kube-proxy", "--cleanup"], env=layout.environment(), capture_output=True, check=False
        )
    for name in reversed(layout.DAEMONS):
        _daemon(name).stop()
    leftovers.remove_leftovers()
    leftovers.remove_state()


def _remove_pods(say: Say) -> None:
    """Pods outlive the kubelet and containerd, and only containerd takes their networks down: start it if it died."""
    if not (layout.state() / "containerd" / "config.toml").exists():
        return
    try:
        _launch("containerd")
        _await("containerd", "containerd to answer", _containerd_answers, 30)
    except SandboxError as error:
        say(f"the pods have to be killed: {error}")
        return
    done = subprocess.run(
        [layout.kubeall(), "remove-all-pods", f"unix://{layout.CONTAINERD_SOCKET}"],
        env=layout.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        say(f"some pods have to be killed: {done.stderr.strip()}")


def _ctr(*arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    argv = ["ctr", "--address", str(layout.CONTAINERD_SOCKET), "--timeout", "10s", "-n", "k8s.io", *arguments]
    return subprocess.run(argv, env=layout.environment(), input=stdin, capture_output=True, check=False)


def _kubectl(*arguments: str) -> str | None:
    """What kubectl prints; None if it fails."""
    argv = [str(layout.kubeall()), "kubectl", "--request-timeout=5s", *arguments]
    done = subprocess.run(argv, env=layout.environment(), capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def _api_ready() -> bool:
    return _kubectl("get", "--raw", "/readyz") == "ok"


def _node_ready() -> bool:
    status = '{.status.conditions[?(@.type=="Ready")].status}'
    return _kubectl("get", "node", layout.NODE, "-o", f"jsonpath={status}") == "True"


def _service_account_exists() -> bool:
    return _kubectl("get", "serviceaccount", "default", "-n", "default", "-o", "name") is not None


def _kubelet_well() -> bool:
    return _answers("http://127.0.0.1:10248/healthz")


def _proxy_well() -> bool:
    return _answers("http://127.0.0.1:10256/livez")


def _containerd_answers() -> bool:
    return layout.CONTAINERD_SOCKET.exists() and _ctr("version").returncode == 0


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=3):
            return True
    except (urllib.error.URLError, OSError):
        return False


def given_kubeconfig() -> Path | None:
    """The first file that KUBECONFIG names, if that is not this cluster's own."""
    given = [Path(p) for p in os.environ.get("KUBECONFIG", "").split(os.pathsep) if p]
    return given[0] if given and given[0] != layout.kubeconfig("admin") else None

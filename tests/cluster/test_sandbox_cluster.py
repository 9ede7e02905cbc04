"""The sandbox's own cluster: it is mended where it was killed, and nothing of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.kubernetes import build, ensure_cluster, layout, network, stop_cluster
from sandbox.kubernetes import cluster as life
from sandbox.processes import Daemon, SandboxError

pytestmark = pytest.mark.timeout(240)


def kill(*names: str) -> None:
    for name in names:
        pid = Daemon(name, layout.state()).pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)


def run_pods(cluster: Any, count: int, namespace: str = "default") -> None:
    for number in range(count):
        name = f"pause-{number}"
        cluster.kubectl("run", name, f"--image={layout.PAUSE_IMAGE}", "--image-pull-policy=Never", "-n", namespace)
    cluster.kubectl("wait", "pod", "--all", "--for=condition=Ready", "--timeout=60s", "-n", namespace)


def machine() -> dict[str, set[str]]:
    """What a cluster could leave behind."""

    def lines(*argv: str) -> set[str]:
        done = subprocess.run(argv, capture_output=True, text=True, check=True, env=layout.environment())
        return {line for line in done.stdout.splitlines() if not line.startswith("#")}

    programs = set()
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                arguments = (process / "cmdline").read_text().split("\0")
                programs.add(f"{process.name} {(process / 'exe').readlink()} {arguments[:4]}")
            except OSError:  # it has ended, or is the kernel's
                continue
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    rules = {line.partition(" [")[0] for line in lines("iptables-save") | lines("ip6tables-save")}
    found = {
        "programs": {p for p in programs if "kubeall" in p or "containerd" in p},
        "mounts": {point for point in mounts if point.startswith((str(layout.state()), str(layout.RUN), "/run/netns"))},
        "links": {entry.name for entry in Path("/sys/class/net").iterdir()},
        "rules": rules,
        "cgroups": {folder for folder, _, _ in os.walk("/sys/fs/cgroup") if "kubepods" in folder},
        "settings": {f"{file} {file.read_text().strip()}" for file in network.SETTINGS if file.exists()},
        "files": {
            str(file)
            for folder in ("/run", "/run/netns", "/run/containerd/s", "/var/lib", "/var/log/containers")
            for file in Path(folder).glob("*")
        },
    }
    # A dockerd that comes or goes meanwhile is none of the cluster's.
    return {what: {entry for entry in entries if "docker" not in entry} for what, entries in found.items()}


@pytest.fixture
def own_cluster(cluster: Any) -> Iterator[Any]:
    """The cluster, which the test may stop; skipped where somebody else started or gave it."""
    if not cluster.is_ours:
        pytest.skip("the cluster was running before the tests, so they do not stop it")
    yield cluster
    ensure_cluster()


def test_killed_parts_are_started_again_and_pods_live_on(own_cluster: Any) -> None:
    run_pods(own_cluster, 2)
    before = own_cluster.kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.uid}")
    kill("kube-apiserver", "kubelet", "containerd", "kube-proxy")
    ensure_cluster()
    assert own_cluster.kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.uid}") == before
    own_cluster.kubectl("delete", "pods", "--all", "--now")


def test_cluster_killed_as_a_whole_is_started_anew(own_cluster: Any) -> None:
    kill(*layout.DAEMONS)
    ensure_cluster()
    run_pods(own_cluster, 1)


def test_nothing_stays_whatever_was_killed(own_cluster: Any) -> None:
    stop_cluster()
    before = machine()
    for killed in ([], ["containerd", "kubelet", "kube-apiserver"]):
        ensure_cluster()
        run_pods(own_cluster, 2)
        kill(*killed)
        stop_cluster()
        assert machine() == before
        assert not layout.state().exists()
    stop_cluster()


def test_healthy_cluster_is_left_alone(own_cluster: Any) -> None:
    ids = [Daemon(name, layout.state()).pid() for name in layout.DAEMONS]
    said: list[str] = []
    life.ensure(said.append)
    assert said == []
    assert [Daemon(name, layout.state()).pid() for name in layout.DAEMONS] == ids


def test_second_state_folder_is_refused(own_cluster: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    owner = layout.state()
    monkeypatch.setenv("SANDBOX_STATE", str(tmp_path))
    for attempt in (ensure_cluster, stop_cluster):
        with pytest.raises(SandboxError, match=f"the cluster of {owner} runs on this machine"):
            attempt()


def test_given_kubeconfig_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = tmp_path / "config"
    monkeypatch.setenv("KUBECONFIG", str(given))
    with pytest.raises(SandboxError, match="which does not exist"):
        ensure_cluster()
    given.touch()
    assert ensure_cluster() == given


def test_build_is_named_by_its_sources() -> None:
    assert build.key("kubeall") != build.key("pause")
    assert build.binary("pause", print).name == f"pause-{build.key('pause')}"

"""The sandbox's Docker: it runs containers, leaves nothing behind however it ends, and respects another one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import debian_tree, docker
from sandbox.docker import DockerDaemon
from sandbox.processes import wait_for
from tests.integration.images.conftest import Client


def traces(daemon: DockerDaemon) -> set[str]:
    """All on this machine that is of this daemon, or of no daemon that can be told."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
            text = (process / "cmdline").read_text(errors="replace") + (process / "cgroup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z" and (f"{daemon.folder}/" in text or daemon.cgroup in text):
            found.add(f"process {process.name} {text[:200]!r}")
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found |= {f"mount {line.split()[4]}" for line in mounts if str(daemon.folder) in line.split()[4]}
    found |= {f"cgroup {path}" for path in Path("/sys/fs/cgroup").glob(f"**/{daemon.cgroup}")}
    found |= {f"link {path.name}" for path in Path("/sys/class/net").glob("docker*")}
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    found |= {f"rule {line}" for line in rules.splitlines() if re.search("docker", line, re.IGNORECASE)}
    found |= {
        f"file {path}" for path in (*daemon.folder.glob("**/*.sock"), Path("/etc/docker/key.json")) if path.exists()
    }
    return found


def image_in(client: Client) -> str:
    return client.run("import", debian_tree.ensure_tar(), "tree:1")


def test_it_runs_containers_and_builds_and_leaves_nothing(
    new_daemon: Callable[[], DockerDaemon], tmp_path: Path
) -> None:
    daemon = new_daemon()
    before = traces(daemon)
    daemon.start()
    pids = traces(daemon)
    daemon.start()
    assert traces(daemon) == pids, "it started anew"
    client = Client(daemon.environment)
    image_in(client)
    assert client.run("run", "--rm", "tree:1", "python3", "-c", "print(6 * 7)") == "42"
    client.run("run", "--detach", "tree:1", "sleep", "infinity")
    (tmp_path / "Dockerfile").write_text("FROM tree:1\nRUN ls /sys/class/net | grep -v '^lo$'\n")
    client.run("build", "--network=host", tmp_path)
    assert traces(daemon) > before
    daemon.stop()
    assert traces(daemon) == before
    daemon.start()
    assert client.run("images", "--quiet", "tree:1"), "the images are lost"
    assert client.run("ps", "--all", "--quiet") == ""
    daemon.stop()
    assert traces(daemon) == before


def test_it_starts_again_after_a_kill_and_leaves_nothing(
    new_daemon: Callable[[], DockerDaemon], tmp_path: Path
) -> None:
    daemon = new_daemon()
    before = traces(daemon)
    daemon.start()
    client = Client(daemon.environment)
    image_in(client)
    client.run("run", "--detach", "tree:1", "sleep", "infinity")
    (tmp_path / "Dockerfile").write_text("FROM tree:1\nRUN exec sleep 4343\n")
    buildkit = Client({**daemon.environment, "DOCKER_BUILDKIT": "1", "PATH": f"/usr/bin:{os.environ['PATH']}"})
    build = threading.Thread(target=buildkit.run, args=("build", "--network=host", tmp_path), kwargs={"check": False})
    build.start()
    wait_for("the build's step to run", lambda: any("sleep\\x004343" in trace for trace in traces(daemon)), seconds=60)
    kill(daemon)
    build.join()
    assert traces(daemon) > before, "nothing outlived the kill: this test proves nothing"
    daemon.start()
    assert client.run("run", "--rm", "tree:1", "echo", "again") == "again"
    client.run("run", "--detach", "tree:1", "sleep", "infinity")
    kill(daemon)
    daemon.stop()
    assert traces(daemon) == before


def kill(daemon: DockerDaemon) -> None:
    pids = [int((daemon.folder / "pid" / name).read_text().split()[0]) for name in ("dockerd", "containerd")]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def test_another_daemon_is_used_and_never_stopped(
    new_daemon: Callable[[], DockerDaemon], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    theirs = new_daemon()
    theirs.start()
    monkeypatch.setenv("SANDBOX_STATE", str(tmp_path))
    for name, value in theirs.environment.items():
        monkeypatch.setenv(name, value)
    assert docker.ensure_docker() == {}
    docker.stop_docker()
    assert docker.answers({})
    assert not (tmp_path / "docker").exists()

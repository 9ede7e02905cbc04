"""A Docker daemon: the machine's own if one answers, else Debian's dockerd, started here and ended without a trace.

Ours has no bridge and sets no iptables rule and no sysctl: it is there for `docker build --network host` and pushes.
It lies in the sandbox's state (socket, images, logs), has a containerd of its own, and so meets no other Docker.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import tomli_w

from sandbox import docker_leftovers, paths
from sandbox.lock import exclusive
from sandbox.processes import Daemon, SandboxError, wait_for

_SOCKET_PATH_LIMIT = 107
_LONGEST_SOCKET = "run/containerd.sock.ttrpc"
_KEY = Path("/etc/docker/key.json")
"""What dockerd makes wherever its data are; no flag moves it."""


@dataclass(frozen=True)
class DockerDaemon:
    """A dockerd and its containerd, with all that they write in `folder`."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a docker client must be told to find it."""
        return {"DOCKER_HOST": f"unix://{self.folder}/docker.sock"}

    @property
    def cgroup(self) -> str:
        """The cgroup that its containers are in, the name of which no other Docker has."""
        return f"mlops-docker-{sha256(str(self.folder).encode()).hexdigest()[:8]}"

    @property
    def _containerd(self) -> Daemon:
        return Daemon("containerd", self.folder)

    @property
    def _dockerd(self) -> Daemon:
        return Daemon("dockerd", self.folder)

    @property
    def _key_is_ours(self) -> Path:
        return self.folder / "key-is-ours"

    def runs(self) -> bool:
        """True if it answers and was started here, not by another program at the same place."""
        return self._dockerd.pid() is not None and self._containerd.pid() is not None and answers(self.environment)

    def start(self) -> None:
        """Start it unless it runs. What an earlier one left when it was killed is removed before."""
        self._require()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with exclusive(self.folder / "lock", lambda pid: print(f"waiting for Docker, which process {pid} starts")):
            if self.runs():
                return
            self._end()
            if not _KEY.exists():
                self._key_is_ours.touch()
            self._containerd.start(["containerd", "--config", self._containerd_configuration()])
            self._dockerd.start(["dockerd", *self._dockerd_flags()])
            wait_for("dockerd to answer or to end", lambda: self.runs() or self._dockerd.pid() is None, seconds=60)
            if not self.runs():
                raise SandboxError(f"dockerd did not start; {self._dockerd.log} ends: {self._dockerd.last_lines(1)}")

    def stop(self) -> None:
        """End it and its containers. Images stay in the folder for the next time."""
        if not self.folder.exists():
            return
        with exclusive(self.folder / "lock", lambda pid: print(f"waiting for process {pid}, which starts Docker")):
            if self.runs():
                self._remove_containers()
            self._end()

    def _require(self) -> None:
        if os.geteuid() != 0:
            raise SandboxError("no Docker daemon answers, and only root can start one; start Docker and try again")
        missing = [program for program in ("dockerd", "docker", "containerd", "runc") if shutil.which(program) is None]
        if missing:
            raise SandboxError(f"{', '.join(missing)}: not found; install with: apt-get install docker.io")
        if len(f"{self.folder}/{_LONGEST_SOCKET}") > _SOCKET_PATH_LIMIT:
            raise SandboxError(f"{self.folder} is too long a path for a socket; set SANDBOX_STATE to a shorter one")

    def _containerd_configuration(self) -> Path:
        run = self.folder / "run"
        run.mkdir(exist_ok=True)
        file = self.folder / "containerd.toml"
        settings = {
            "version": 2,
            "root": str(self.folder / "containerd"),
            "state": str(run / "containerd"),
            "disabled_plugins": ["io.containerd.grpc.v1.cri"],
            "grpc": {"address": str(run / "containerd.sock")},
        }
        file.write_text(tomli_w.dumps(settings))
        return file

    def _dockerd_flags(self) -> list[str]:
        flags = {
            "host": f"unix://{self.folder}/docker.sock",
            "containerd": self.folder / "run" / "containerd.sock",
            "data-root": self.folder / "data",
            "exec-root": self.folder / "run" / "docker",
            "pidfile": self.folder / "dockerd.pid",
            "config-file": self.folder / "dockerd.json",
            "cgroup-parent": f"/{self.cgroup}",
            "exec-opt": "native.cgroupdriver=cgroupfs",
            "bridge": "none",
            "iptables": "false",
            "ip6tables": "false",
            "ip-forward": "false",
            "ip-masq": "false",
            # The default, -500, is refused where root has no CAP_SYS_RESOURCE.
            "oom-score-adjust": "0",
        }
        # A configuration of its own, or the one in /etc/docker, which may contradict the flags, would be read.
        (self.folder / "dockerd.json").write_text("{}\n")
        return [f"--{name}={value}" for name, value in flags.items()]

    def _remove_containers(self) -> None:
        environment = {**os.environ, **self.environment}
        listed = subprocess.run(
            ["docker", "ps", "--all", "--quiet"], env=environment, capture_output=True, text=True, check=True
        )
        if containers := listed.stdout.split():
            subprocess.run(["docker", "rm", "--force", *containers], env=environment, capture_output=True, check=True)

    def _end(self) -> None:
        self._dockerd.stop(seconds=20)
        self._containerd.stop()
        docker_leftovers.remove_leftovers(self.folder, self.cgroup)
        shutil.rmtree(self.folder / "run", ignore_errors=True)
        for file in ("docker.sock", "dockerd.pid"):
            (self.folder / file).unlink(missing_ok=True)
        if self._key_is_ours.exists():
            _KEY.unlink(missing_ok=True)
            if _KEY.parent.is_dir() and not any(_KEY.parent.iterdir()):
                _KEY.parent.rmdir()
            self._key_is_ours.unlink()


def answers(environment: dict[str, str]) -> bool:
    """True if the daemon that a docker client finds in this environment answers."""
    try:
        asked = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            env={**os.environ, **environment},
            capture_output=True,
            timeout=20,
            check=False,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def _ours() -> DockerDaemon:
    return DockerDaemon(paths.state() / "docker")


def ensure_docker() -> dict[str, str]:
    """Answer the environment in which `docker` works: empty where the machine's own daemon answers."""
    ours = _ours()
    if ours.runs():
        return ours.environment
    if answers({}):
        return {}
    ours.start()
    return ours.environment


def stop_docker() -> None:
    """End the daemon that `ensure_docker` started; never another."""
    _ours().stop()

"""What outlives the cluster's programs, above all after a `kill -9`: processes, mounts, networks, cgroups, files."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from sandbox.kubernetes import build, layout, network
from sandbox.leftovers import CGROUPS, SHIM_SOCKETS, remove_cgroups, remove_dead_sockets
from sandbox.processes import SandboxError, kill

# Paths that no flag of the kubelet's or of the CNI plugins' moves; those in the second list go only if empty.
_FIXED = (Path("/var/lib/kubelet/device-plugins"), Path("/var/lib/cni/results"))
_EMPTY = (
    Path("/var/lib/kubelet"),
    Path("/var/lib/cni"),
    Path("/var/log/containers"),
    SHIM_SOCKETS,
    Path("/run/containerd"),
    Path("/run/netns"),
    Path("/run/mount"),  # made by umount(8)
)


def remove_leftovers() -> None:
    """Remove what is left once the programs and the pods were stopped in good order."""
    kill("the cluster's last processes", _stray_processes())
    _unmount()
    network.remove_network()
    remove_cgroups(CGROUPS.glob("**/kubepods*"))
    for folder in _FIXED:
        shutil.rmtree(folder, ignore_errors=True)
    _remove_links_to_logs()
    remove_dead_sockets()
    for folder in _EMPTY:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    shutil.rmtree(layout.RUN, ignore_errors=True)


def _stray_processes() -> list[int]:
    """Programs of ours whose id got lost, the runtime's shims, and what still runs in a pod's cgroup."""
    found = {int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and _is_ours(p)}
    for procs in CGROUPS.glob("**/kubepods*/**/cgroup.procs"):
        found.update(int(pid) for pid in procs.read_text().split())
    return sorted(found)


def _is_ours(process: Path) -> bool:
    try:
        program = (process / "exe").readlink()
        arguments = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False
    if program.parent == build.cache() and program.name.startswith("kubeall-"):
        # Anyone may run a kubectl of ours; the servers are only ever this cluster's.
        return Path(arguments[0]).name == "kubeall" and arguments[1:2] != ["kubectl"]
    in_state = f"{layout.state()}/"
    return program.name.startswith("containerd") and any(
        argument.startswith((in_state, f"{layout.RUN}/")) for argument in arguments
    )


def _unmount() -> None:
    ours = (f"{layout.state()}/", f"{layout.RUN}/")
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), line.split()[4]) for line in lines]
    for point in sorted((p for p in points if p.startswith(ours)), reverse=True):  # deepest first
        if subprocess.run(["umount", point], check=False, capture_output=True).returncode != 0:
            subprocess.run(["umount", "--lazy", point], check=True, capture_output=True)
    _remove_network_namespaces()


def _remove_network_namespaces() -> None:
    """A pod's network namespace is a mount in /run/netns that containerd names cni-<uuid>."""
    used = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for name in Path("/run/netns").glob("cni-*"):
        for _ in range(used.count(str(name))):
            subprocess.run(["umount", str(name)], check=True, capture_output=True)
        name.unlink()


def _remove_links_to_logs() -> None:
    for link in Path("/var/log/containers").glob("*"):
        if link.is_symlink() and link.readlink().is_relative_to(layout.state()):
            link.unlink()


def remove_state() -> None:
    """Remove certificates, data and logs."""
    if layout.state().exists():
        shutil.rmtree(layout.state())
    if layout.state().parent.exists() and not any(layout.state().parent.iterdir()):
        layout.state().parent.rmdir()
    if layout.RUN.exists():
        raise SandboxError(f"{layout.RUN} could not be removed")

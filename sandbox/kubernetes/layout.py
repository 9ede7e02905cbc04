"""Names, addresses and folders of the cluster.

There is one cluster on a machine, as its bridge, its ports and its sockets are the machine's; what it writes lies in
`state()` and `RUN`, so that it meets no dockerd or containerd that the machine runs for itself.
"""

from __future__ import annotations

import os
from pathlib import Path

from sandbox import paths
from sandbox.processes import SandboxError

RUN = Path("/run/mlops-kubernetes")
"""Sockets: a Unix socket's path has at most 107 bytes, so this stays short."""
OWNER = RUN / "owner"
"""Names the state folder of the cluster that runs."""
CONTAINERD_SOCKET = RUN / "containerd.sock"

NODE = "node-1"
BRIDGE = "kube0"
POD_CIDR = "10.244.0.0/24"
NODE_IP = "10.244.0.1"
"""The bridge's own address: the host and the pods reach it, nothing else does."""
SERVICE_CIDR = "10.96.0.0/16"
API_SERVICE_IP = "10.96.0.1"
DNS_IP = "10.96.0.10"
API_PORT = 6443
ETCD_PORT = 12379
PORTS = {
    "etcd": [("127.0.0.1", ETCD_PORT), ("127.0.0.1", ETCD_PORT + 1)],
    "kube-apiserver": [(NODE_IP, API_PORT)],
    "kube-controller-manager": [("127.0.0.1", 10257)],
    "kube-scheduler": [("127.0.0.1", 10259)],
    "kubelet": [("127.0.0.1", 10248), (NODE_IP, 10250)],
    "kube-proxy": [("127.0.0.1", 10249), ("127.0.0.1", 10256)],
}
"""What each program listens on."""
DAEMONS = ("containerd", "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
"""In the order in which they start."""
REGISTRY = "127.0.0.1:5000"
PAUSE_IMAGE = "local/pause:1"


def state() -> Path:
    """The folder of certificates, configuration, logs and data of the cluster that runs."""
    return paths.state() / "kubernetes"


def kubeconfig(user: str) -> Path:
    """The kubeconfig of one of the cluster's programs, or `admin`'s."""
    return state() / f"{user}.kubeconfig"


def kubeall() -> Path:
    """A link to the build of kubeall that this cluster was started with."""
    return state() / "bin" / "kubeall"


def environment() -> dict[str, str]:
    """The environment of the cluster's programs: above all no proxy, which would stand between its own parts."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(state()),
        "KUBECONFIG": str(kubeconfig("admin")),
    }


def require_root() -> None:
    """Say so early if this process may not make bridges, mounts and cgroups."""
    if os.geteuid() != 0:
        raise SandboxError("the sandbox's Kubernetes needs root; or set KUBECONFIG to a cluster of your own")

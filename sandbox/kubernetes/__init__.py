"""A real single-node Kubernetes on this machine, its programs built from their Go modules.

etcd, the control plane, kubelet and kube-proxy are upstream's; containerd, runc and the CNI plugins are Debian's.
NetworkPolicies and the scaling of a HorizontalPodAutoscaler are accepted but not put into effect: there is no network
plugin that enforces the former and no metrics server for the latter.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from sandbox.kubernetes import build, cluster, layout
from sandbox.processes import SandboxError


def ensure_cluster() -> Path:
    """The kubeconfig of a working cluster: the one that KUBECONFIG names, else ours, started or mended as needed."""
    if (given := cluster.given_kubeconfig()) is not None:
        if not given.exists():
            raise SandboxError(f"KUBECONFIG names {given}, which does not exist")
        return given
    return cluster.ensure()


def stop_cluster() -> None:
    """Stop our cluster, if it runs, and remove all that it left on the machine; a given one is not touched."""
    cluster.stop()


def kubectl() -> Path:
    """A kubectl: the one on the PATH if the cluster is a given one, else the cluster's own."""
    if cluster.given_kubeconfig() is not None and (found := shutil.which("kubectl")):
        return Path(found)
    link = build.cache() / "bin" / "kubectl"
    program = build.binary("kubeall", cluster.print_line)
    if not link.is_symlink() or link.readlink() != program:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(program)
    return link


__all__ = ["ensure_cluster", "kubectl", "layout", "stop_cluster"]

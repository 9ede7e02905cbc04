"""The configuration files of the node's programs, and the command lines of all of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tomli_w
import yaml

from sandbox.kubernetes import layout


def write_all() -> None:
    """Write every configuration file below the state folder."""
    state = layout.state()
    _write(state / "cni" / "10-pods.conflist", json.dumps(_cni(), indent=2))
    _write(state / "containerd" / "config.toml", tomli_w.dumps(_containerd()))
    _write(state / "containerd" / "certs.d" / layout.REGISTRY / "hosts.toml", tomli_w.dumps(_registry_hosts()))
    _write(state / "kubelet.yaml", yaml.safe_dump(_kubelet()))
    _write(state / "kube-proxy.yaml", yaml.safe_dump(_kube_proxy()))
    _write(state / "resolv.conf", "nameserver 127.0.0.1\n")


def command(name: str) -> list[str]:
    """The command line of the program `name`."""
    if name == "containerd":
        return ["containerd", "--config", str(layout.state() / "containerd" / "config.toml")]
    makers: dict[str, Callable[[], dict[str, object]]] = {
        "etcd": _etcd,
        "kube-apiserver": _apiserver,
        "kube-controller-manager": _controller_manager,
        "kube-scheduler": _scheduler,
        "kubelet": _kubelet_flags,
        "kube-proxy": lambda: {"config": layout.state() / "kube-proxy.yaml"},
    }
    return [str(layout.kubeall()), name, *(f"--{flag}={value}" for flag, value in makers[name]().items())]


def _etcd() -> dict[str, object]:
    client, peer = (f"http://127.0.0.1:{port}" for port in (layout.ETCD_PORT, layout.ETCD_PORT + 1))
    return {
        "data-dir": layout.state() / "etcd",
        "unsafe-no-fsync": "true",  # its data is thrown away with the cluster
        "log-level": "warn",
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
    }


def _apiserver() -> dict[str, object]:
    pki = layout.state() / "pki"
    return {
        "etcd-servers": f"http://127.0.0.1:{layout.ETCD_PORT}",
        "bind-address": layout.NODE_IP,
        "advertise-address": layout.NODE_IP,
        "secure-port": layout.API_PORT,
        "client-ca-file": pki / "ca.crt",
        "tls-cert-file": pki / "apiserver.crt",
        "tls-private-key-file": pki / "apiserver.key",
        "kubelet-certificate-authority": pki / "ca.crt",
        "kubelet-client-certificate": pki / "apiserver-kubelet-client.crt",
        "kubelet-client-key": pki / "apiserver-kubelet-client.key",
        "kubelet-preferred-address-types": "InternalIP",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": pki / "sa.pub",
        "service-account-signing-key-file": pki / "sa.key",
        "service-cluster-ip-range": layout.SERVICE_CIDR,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "anonymous-auth": "false",
        "profiling": "false",
        # Without it privileged pods are refused whatever PodSecurity says, and a test of PodSecurity proves nothing.
        "allow-privileged": "true",
    }


def _controller_manager() -> dict[str, object]:
    pki = layout.state() / "pki"
    return {
        "kubeconfig": layout.kubeconfig("kube-controller-manager"),
        "bind-address": "127.0.0.1",
        "leader-elect": "false",
        "use-service-account-credentials": "true",
        "service-account-private-key-file": pki / "sa.key",
        "root-ca-file": pki / "ca.crt",
        "cluster-signing-cert-file": pki / "ca.crt",
        "cluster-signing-key-file": pki / "ca.key",
        "flex-volume-plugin-dir": layout.state() / "kubelet" / "volume-plugins",
    }


def _scheduler() -> dict[str, object]:
    return {
        "kubeconfig": layout.kubeconfig("kube-scheduler"),
        "bind-address": "127.0.0.1",
        "leader-elect": "false",
    }


def _kubelet_flags() -> dict[str, object]:
    return {
        "config": layout.state() / "kubelet.yaml",
        "kubeconfig": layout.kubeconfig("kubelet"),
        "root-dir": layout.state() / "kubelet",
        "cert-dir": layout.state() / "pki",
        "hostname-override": layout.NODE,
        "node-ip": layout.NODE_IP,
    }


def _kubelet() -> dict[str, Any]:
    pki = layout.state() / "pki"
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": layout.NODE_IP,
        "healthzBindAddress": "127.0.0.1",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet.key"),
        "containerRuntimeEndpoint": f"unix://{layout.CONTAINERD_SOCKET}",
        "cgroupDriver": "cgroupfs",  # containerd 1.6 cannot tell, and a container has no systemd
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDomain": "cluster.local",
        "clusterDNS": [layout.DNS_IP],
        "resolvConf": str(layout.state() / "resolv.conf"),
        "makeIPTablesUtilChains": False,  # kube-proxy makes those it needs; the kubelet never removes its own
        "podLogsDir": str(layout.state() / "kubelet" / "pod-logs"),
        "volumePluginDir": str(layout.state() / "kubelet" / "volume-plugins"),
        # The machine is shared, and its disk may be nearly full for reasons of its own.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "serializeImagePulls": False,
    }


def _kube_proxy() -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(layout.kubeconfig("kube-proxy"))},
        "hostnameOverride": layout.NODE,
        "clusterCIDR": layout.POD_CIDR,
        "mode": "iptables",  # the mode in which NodePorts answer on loopback
        "iptables": {"localhostNodePorts": True, "minSyncPeriod": "100ms"},
        "nodePortAddresses": ["127.0.0.0/8"],
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        # Zero leaves the machine's connection tracking as it is.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }


def _cni() -> dict[str, Any]:
    bridge = {
        "type": "bridge",
        "bridge": layout.BRIDGE,
        "isGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(layout.RUN / "ipam"),
            "routes": [{"dst": "0.0.0.0/0"}],
            "ranges": [[{"subnet": layout.POD_CIDR, "gateway": layout.NODE_IP}]],
        },
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    # dockerd sets the policy of FORWARD to DROP; `firewall` lets the pods' packets through all the same.
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, ports, {"type": "firewall"}]}


def _registry_hosts() -> dict[str, Any]:
    server = f"http://{layout.REGISTRY}"
    return {"server": server, "host": {server: {"capabilities": ["pull", "resolve"]}}}


def _containerd() -> dict[str, Any]:
    state = layout.state()
    unused = ("aufs", "btrfs", "devmapper", "zfs")
    runc = {"runtime_type": "io.containerd.runc.v2", "options": {"Root": str(layout.RUN / "runc")}}
    cri = {
        "sandbox_image": layout.PAUSE_IMAGE,
        # Where CAP_SYS_RESOURCE is missing, even for root, nobody may lower an OOM score, and every pod would fail
        # with "can't get final child's PID from pipe: EOF".
        "restrict_oom_score_adj": True,
        "cni": {"bin_dir": "/usr/lib/cni", "conf_dir": str(state / "cni")},
        "registry": {"config_path": str(state / "containerd" / "certs.d")},
        "containerd": {"runtimes": {"runc": runc}},
    }
    return {
        "version": 2,
        "root": str(state / "containerd" / "root"),
        "state": str(layout.RUN / "containerd"),
        "disabled_plugins": [f"io.containerd.snapshotter.v1.{name}" for name in unused],
        "grpc": {"address": str(layout.CONTAINERD_SOCKET)},
        "plugins": {
            "io.containerd.grpc.v1.cri": cri,
            "io.containerd.internal.v1.opt": {"path": str(state / "containerd" / "opt")},
        },
    }


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)

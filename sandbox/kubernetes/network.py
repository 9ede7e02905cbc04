"""The node's side of the network: the pod bridge, a few kernel settings, the API server's address on loopback."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

from sandbox.kubernetes import layout
from sandbox.processes import SandboxError

_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
SETTINGS = (
    _FORWARDING,
    Path("/proc/sys/net/ipv4/conf/all/route_localnet"),  # kube-proxy's
    Path("/proc/sys/vm/overcommit_memory"),  # from here on the kubelet's
    Path("/proc/sys/vm/panic_on_oom"),
    Path("/proc/sys/kernel/panic"),
    Path("/proc/sys/kernel/panic_on_oops"),
    Path("/proc/sys/kernel/keys/root_maxkeys"),
    Path("/proc/sys/kernel/keys/root_maxbytes"),
)
"""What the cluster changes of the machine, to be put back when it ends."""
_API_CHAIN = "KUBE-SANDBOX-API"
_TABLES = ("filter", "nat", "mangle")
# A rule that jumps to a chain of Kubernetes's or of the CNI plugins'. Docker's and everybody else's stay.
_OUR_RULE = re.compile(r"^-A .* -[jg] (?:KUBE|CNI)-")
_OUR_CHAIN = re.compile(r"^:((?:KUBE|CNI)-\S+)", re.MULTILINE)


def ensure_network() -> None:
    """Make the bridge before the first pod, as its address is the node's, and turn forwarding on."""
    _remember_settings()
    _FORWARDING.write_text("1")
    if not Path("/sys/class/net", layout.BRIDGE).exists():
        _run("ip", "link", "add", layout.BRIDGE, "type", "bridge")
    prefix = layout.POD_CIDR.partition("/")[2]
    _run("ip", "addr", "replace", f"{layout.NODE_IP}/{prefix}", "dev", layout.BRIDGE)
    _run("ip", "link", "set", layout.BRIDGE, "up")
    _ensure_api_on_loopback()


def remove_network() -> None:
    """Take the bridge, the rules and the settings back."""
    if Path("/sys/class/net", layout.BRIDGE).exists():
        _run("ip", "link", "delete", layout.BRIDGE)
    for iptables in ("iptables", "ip6tables"):
        if shutil.which(f"{iptables}-save", path=layout.environment()["PATH"]):
            for table in _TABLES:
                _remove_rules(iptables, table)
    _restore_settings()


def _ensure_api_on_loopback() -> None:
    """Let 127.0.0.1 reach the API server, which listens on the bridge, where the pods find it and nobody else does."""
    nat = ("iptables", "-w", "-t", "nat")
    if _succeeds(*nat, "-C", "OUTPUT", "-j", _API_CHAIN):
        return
    _succeeds(*nat, "-N", _API_CHAIN)
    _run(*nat, "-F", _API_CHAIN)
    target = f"{layout.NODE_IP}:{layout.API_PORT}"
    match = ("-d", "127.0.0.1/32", "-p", "tcp", "--dport", str(layout.API_PORT))
    _run(*nat, "-A", _API_CHAIN, *match, "-j", "DNAT", "--to-destination", target)
    _run(*nat, "-A", "OUTPUT", "-j", _API_CHAIN)


def _remove_rules(iptables: str, table: str) -> None:
    saved = _output(f"{iptables}-save", "-t", table)
    chains = _OUR_CHAIN.findall(saved)
    for rule in saved.splitlines():
        if _OUR_RULE.match(rule):
            _run(iptables, "-w", "-t", table, "-D", *shlex.split(rule)[1:])
    for flag in ("-F", "-X"):
        for chain in chains:
            _run(iptables, "-w", "-t", table, flag, chain)


def _remember_settings() -> None:
    remembered = layout.state() / "settings.before"
    if not remembered.exists():
        remembered.write_text("".join(f"{file} {file.read_text().strip()}\n" for file in SETTINGS if file.exists()))


def _restore_settings() -> None:
    remembered = layout.state() / "settings.before"
    if not remembered.exists():
        return
    for line in remembered.read_text().splitlines():
        file, _, value = line.partition(" ")
        # A dockerd that was started meanwhile found forwarding on and needs it to stay so.
        if Path(file) == _FORWARDING and Path("/sys/class/net/docker0").exists():
            continue
        if Path(file).read_text().strip() != value:
            Path(file).write_text(value)


def _run(*argv: str) -> None:
    done = subprocess.run(argv, env=layout.environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SandboxError(f"{' '.join(argv)} failed: {done.stderr.strip()}")


def _succeeds(*argv: str) -> bool:
    return subprocess.run(argv, env=layout.environment(), capture_output=True, check=False).returncode == 0


def _output(*argv: str) -> str:
    return subprocess.run(argv, env=layout.environment(), capture_output=True, text=True, check=False).stdout

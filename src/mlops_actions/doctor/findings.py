"""What a check found, and what a check is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from mlops_actions.doctor.surroundings import Surroundings

Status = Literal["ok", "warning", "wrong", "skipped"]
Area = Literal["tools", "credentials", "workspace", "datastore", "compute", "registry", "cluster"]


@dataclass(frozen=True)
class Finding:
    """What one check found: its status, what it saw, and what to do about it if that is wrong (or may be)."""

    status: Status
    found: str
    fix: str = ""


def ok(found: str) -> Finding:
    """As it should be."""
    return Finding("ok", found)


def warning(found: str, fix: str) -> Finding:
    """It works, or may work, and not in every case."""
    return Finding("warning", found, fix)


def wrong(found: str, fix: str) -> Finding:
    """An action that needs it would fail."""
    return Finding("wrong", found, fix)


def skipped(why: str) -> Finding:
    """Not looked at."""
    return Finding("skipped", why)


@dataclass(frozen=True)
class Check:
    """One thing to look at; `needs` names the checks without whose success it makes no sense.

    `examine` may raise anything: that is a finding too. `remedy` is what to do about that, or if it takes too long.
    """

    name: str
    area: Area
    examine: Callable[[Surroundings], Finding]
    needs: tuple[str, ...] = ()
    remedy: str = "look at the network: a proxy (HTTPS_PROXY, NO_PROXY), a firewall, a VPN that is not up"


@dataclass(frozen=True)
class Examined:
    """A check that was done: its finding, and how many seconds it took."""

    check: Check
    finding: Finding
    seconds: float = 0

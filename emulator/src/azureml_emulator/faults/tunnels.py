"""Faults of whole tunnels, by host name: all that can be done to a host whose TLS does not end in the emulator."""

from __future__ import annotations

from dataclasses import dataclass

from .armory import Armory
from .rules import REFUSE, RESET, SLOW


@dataclass(frozen=True)
class TunnelFault:
    """What happens to a tunnel: seconds until it is opened, whether it is refused, bytes after which it is reset."""

    delay: float = 0
    refuse: bool = False
    reset_after: int | None = None


def for_tunnel(armory: Armory, host: str) -> TunnelFault:
    """What is to happen to a tunnel that is being opened to `host`."""
    struck = armory.strike({REFUSE, RESET, SLOW}, lambda rule: rule.means_host(host))
    delay = sum(rule.seconds or 0 for rule in struck if rule.fault == SLOW)
    last = struck[-1] if struck else None
    if last is None or last.fault == SLOW:
        return TunnelFault(delay)
    return TunnelFault(
        delay, refuse=last.fault == REFUSE, reset_after=last.after_bytes if last.fault == RESET else None
    )

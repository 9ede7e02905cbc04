"""A fault rule: which fault, what it is aimed at, and when it strikes."""

from __future__ import annotations

import functools
import random
import re
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

from .operations import REQUESTS

STATUS = "status"
RESET = "reset"
SLOW = "slow"
REFUSE = "refuse"
EXPIRED_TOKEN = "expired_token"  # noqa: S105 - the name of a fault
STUCK_OPERATION = "stuck_operation"
PREEMPTED_NODE = "preempted_node"
ALLOCATION_FAILED = "allocation_failed"

_METHODS = frozenset({"GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "*"})
_BLOB_HOST = "blob.core.windows.net"


@dataclass(frozen=True)
class Route:
    """Requests by method and path: `PUT jobs/*`, `GET /subscriptions/**`, `computes/*/start`.

    `*` stands for a part of one segment, `**` for any number of segments. A pattern that begins with `/` is the whole
    path, any other one the end of it. Methods and paths are compared without regard to case, as ARM's are.
    """

    method: str
    pattern: str

    @classmethod
    def parse(cls, text: str) -> Route:
        """Read `[METHOD] PATTERN`. Raises ValueError with what is wrong."""
        method, _, pattern = text.strip().rpartition(" ")
        method = method.strip().upper() or "*"
        if method not in _METHODS:
            raise ValueError(f"'{method}' is not a method: {', '.join(sorted(_METHODS))}")
        if not pattern:
            raise ValueError("it is empty")
        if _BLOB_HOST in pattern.lower():
            raise ValueError(NO_STATUS_IN_TUNNELS)
        if "://" in pattern:
            raise ValueError("a route is a path without a host; whole hosts are reached with 'tunnel'")
        return cls(method, pattern)

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is meant."""
        return self.method in {"*", method.upper()} and _regex(self.pattern).fullmatch(path) is not None


NO_STATUS_IN_TUNNELS = (
    "storage is reached through a tunnel whose TLS ends in Azurite, so no status can be put into it: "
    "aim a reset, slow or refuse at 'tunnel' instead"
)


@functools.cache
def _regex(pattern: str) -> re.Pattern[str]:
    translated = "".join(
        {"**": ".*", "*": "[^/]*"}.get(part, re.escape(part)) for part in re.split(r"(\*\*|\*)", pattern)
    )
    return re.compile(translated if pattern.startswith("/") else f"(?:.*/)?{translated}", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Rule:
    """A fault to bring about.

    It passes over the first `after` occasions, then strikes with `probability`, at most `count` times. `seconds` is how
    long an answer is delayed, an operation is stuck (None: until the rule is cleared), a node runs before it is
    preempted, or a job is queued before its cluster fails to allocate. Everything else is what its name says; None
    stands for any, or for the fault's usual value.
    """

    name: str
    fault: str
    route: str | None = None
    operation: str | None = None
    tunnel: str | None = None
    resource: str | None = None
    node: str | None = None
    compute: str | None = None
    status: int | None = None
    code: str | None = None
    message: str | None = None
    retry_after: float | None = None
    seconds: float | None = None
    performed: bool = False
    after_bytes: int = 0
    count: int | None = None
    after: int = 0
    probability: float = 1.0
    seed: int = 0

    def strikes(self, occasion: int) -> bool:
        """Whether it strikes at its occasion number `occasion`, from 0 on; `count` is not looked at.

        The answer depends on the rule and that number alone, so it is the same after a restart.
        """
        if occasion < self.after:
            return False
        # Not for secrets: the same faults again for the same seed.
        chance = random.Random(f"{self.seed}:{self.name}:{occasion}").random()  # noqa: S311
        return chance < self.probability

    def means_request(self, method: str, path: str) -> bool:
        """Whether its route or operation means this request."""
        return any(route.matches(method, path) for route in self._routes)

    @property
    def _routes(self) -> tuple[Route, ...]:
        return _routes(self.route, self.operation)

    def means_host(self, host: str) -> bool:
        """Whether its tunnels are to this host."""
        return self.tunnel is not None and fnmatchcase(host.lower(), self.tunnel.lower())

    def means_operation(self, name: str, resource: str) -> bool:
        """Whether it means the long-running operation `name` on the resource called so."""
        return _globbed(self.operation, name) and _globbed(self.resource, resource)

    def means_node(self, node: str, compute: str) -> bool:
        """Whether it means a node of a pipeline (or a job) that runs on this compute."""
        return _globbed(self.node, node) and _globbed(self.compute, compute)

    def given(self) -> dict[str, Any]:
        """What differs from the defaults: the rule as somebody would write it."""
        defaults = {field.name: field.default for field in fields(self)}
        return {key: value for key, value in asdict(self).items() if value != defaults[key]}


@functools.cache
def _routes(route: str | None, operation: str | None) -> tuple[Route, ...]:
    if route is not None:
        return (Route.parse(route),)
    if operation is not None:
        found = (routes for name, routes in REQUESTS.items() if fnmatchcase(name, operation))
        return tuple(Route.parse(text) for routes in found for text in routes)
    return (Route("*", "/**"),)


def _globbed(pattern: str | None, text: str) -> bool:
    return pattern is None or fnmatchcase(text.lower(), pattern.lower())

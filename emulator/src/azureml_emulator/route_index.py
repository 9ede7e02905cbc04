"""Finds a request's route among many: by what its path is like, before any pattern is tried.

Starlette tries one route after another, of which there are hundreds. Here what tells resources apart picks a few of
them first, which are then tried in their order: how many segments the path has, the first, and the one after the
workspace's name.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from starlette.routing import BaseRoute, Route, Router
from starlette.types import Receive, Scope, Send

_ABOVE = "workspaces"
_KEPT = 1024
_ANYTHING = "{"
_ANY_NUMBER = ":path}"

Key = tuple[int, str, str]
"""The number of a path's segments, the first, and the one after the workspace's name ("" if there is none)."""


def _key(path: str) -> Key:
    segments = path.split("/")[1:] or [""]
    after = segments[segments.index(_ABOVE) + 2 :] if _ABOVE in segments else []
    return len(segments), segments[0], after[0] if after else ""


def _fits(template: str, key: Key) -> bool:
    """Whether a route with this template may take a path with this key."""
    segments, (count, first, resource) = template.split("/")[1:], key
    varies = any(_ANY_NUMBER in segment for segment in segments)
    if (not varies and len(segments) != count) or (_ANYTHING not in segments[0] and segments[0] != first):
        return False
    at = segments.index(_ABOVE) + 2 if _ABOVE in segments else len(segments)
    if any(_ANY_NUMBER in segment for segment in segments[:at]) or at >= len(segments):
        return True
    return _ANYTHING in segments[at] or segments[at] == resource


class RouteIndex:
    """An application of many routes."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self.routes = list(routes)
        self._router = functools.lru_cache(_KEPT)(self._few)

    def _few(self, key: Key) -> Router:
        return Router([route for route in self.routes if not isinstance(route, Route) or _fits(route.path, key)])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the first route that matches."""
        await self._router(_key(scope["path"]))(scope, receive, send)

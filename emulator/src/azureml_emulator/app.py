"""The web application: every resource module's routes, behind one check of the access token."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Host, Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from . import (
    arm,
    authorization,
    cloud_metadata,
    computes,
    errors,
    identity,
    jobs,
    operations,
    registries,
    subscriptions,
    unimplemented,
    workspaces,
)
from .assets import code, components, data, environments, models
from .computes import locations
from .context import Context
from .faults import control
from .faults.requests import RequestFaults, token_has_expired
from .jobs.files import registration
from .jobs.process import run_identity, run_tokens
from .route_index import RouteIndex
from .settings import GITHUB_OIDC_HOST, LOGIN_HOST

log = logging.getLogger(__name__)

_ISSUERS = (LOGIN_HOST, GITHUB_OIDC_HOST)
_METHODS = ["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD"]
_OPEN_PATHS = ("/discovery/", "/registrymanagement/", cloud_metadata.PATH)
"""Paths that are answered without a token, as Azure does."""


class _CanonicalPaths:
    """ARM ids are the same in any case; from here on there is one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": arm.canonical(scope["path"])}
        await self._app(scope, receive, send)


class _Authentication:
    """Every ARM and data plane request needs an access token that is ours, and names our workspace."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context
        self.routes = app.routes if isinstance(app, RouteIndex) else []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                self._check(Request(scope))
            except errors.ServiceError as error:
                await errors.answer(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, request: Request) -> None:
        path = request.url.path
        if not path.startswith(_OPEN_PATHS):
            self._check_token(request.headers.get("authorization"), path)
            if token_has_expired(self._context, request.method, path):
                raise identity.expired(self._context.settings, time.time() - 1)
        self._check_workspace(request.method, path)
        authorization.check(self._context.settings, request.method, path)

    def _check_token(self, header: str | None, path: str) -> None:
        settings = self._context.settings
        if not run_tokens.check(settings, self._context.store, (header or "").partition(" ")[2], path):
            identity.check_access_token(settings, header)

    def _check_workspace(self, method: str, path: str) -> None:
        before, found, after = path.partition(f"/providers/{arm.PROVIDER}/workspaces/")
        if not found or (method == "PUT" and "/" not in after.rstrip("/")):
            return  # Of the workspaces that are not there, one may be made: that is for its route to answer.
        group = before.rsplit("/subscriptions/", 1)[-1]
        named = f"/subscriptions/{group}{found}{after.split('/')[0]}"
        if named.lower() != self._context.workspace_id.lower():
            kind = f"{arm.PROVIDER}/workspaces/{after.split('/')[0]}"
            where = group.partition("/resourceGroups/")[2]
            raise errors.not_found(f"The Resource '{kind}' under resource group '{where}' was not found.")


def _routes(context: Context) -> list[BaseRoute]:
    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ready", "workspace": context.settings.workspace})

    modules = (
        cloud_metadata,
        subscriptions,
        authorization,
        workspaces,
        computes,
        locations,
        environments,
        code,
        components,
        registries,
        jobs,
        unimplemented,
    )
    unknown = Route("/{path:path}", errors.unknown_route, methods=_METHODS)
    issuers = Router([*identity.routes(context), unknown])
    resources = RouteIndex(
        [
            *operations.routes(context.operations, context.store),
            # These two can be made of what a job has written.
            *(route for module in (data, models) for route in module.routes(context, registration.completed)),
            *(route for module in modules for route in module.routes(context)),
            unknown,
        ]
    )
    # Whatever host a client claims to speak to: without a token it reaches the issuers of tokens, and nothing else.
    return [
        *(Host(host, issuers) for host in _ISSUERS),
        Route("/healthz", health),
        *control.routes(context),
        *run_identity.routes(context),
        Mount("", _Authentication(resources, context)),
    ]


async def _unexpected(request: Request, error: Exception) -> Response:
    """Answer a defect of the emulator itself: logged with its traceback, answered without."""
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    message = f"the emulator failed at {request.method} {request.url.path}: see its log"
    return errors.answer(errors.ServiceError(500, "InternalServerError", message))


def create_app(context: Context, lifespan: Callable[[], AbstractAsyncContextManager[None]]) -> Starlette:
    """The application; `lifespan` is entered when it starts and left when it ends."""

    @asynccontextmanager
    async def live(_: Starlette) -> AsyncIterator[None]:
        async with lifespan():
            yield

    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        errors.ServiceError: errors.handle,
        HTTPException: errors.handle_unrouted,
        Exception: _unexpected,
    }
    app = Starlette(
        routes=_routes(context),
        middleware=[Middleware(_CanonicalPaths), Middleware(RequestFaults, context=context)],
        exception_handlers=dict(handlers),
        lifespan=live,
    )
    workspaces.create(context)
    registries.create(context)
    computes.register_operations(context)
    return app

"""The page's web application: its views, its own style and script, and the guard before all of them."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from ..context import Context
from . import asset_views, comparison, files, job_list, job_views, machines
from .guard import Guard
from .site import NotFound, Site
from .storage import NoSuchFile

_STATIC = Path(__file__).parent / "static"
_MODULES = (job_list, job_views, comparison, asset_views, files, machines)


def create_app(context: Context) -> ASGIApp:
    """The application; it only reads, and answers nothing but GET and HEAD."""
    site = Site.of(context)

    def missing(request: Request, error: Exception) -> Response:
        text = f"There is nothing at {error}." if isinstance(error, NoSuchFile) else str(error)
        return site.page(request, "missing.html", status=404, text=text)

    def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        text = "There is no such page." if status == 404 else "The page is only to be read."  # noqa: PLR2004
        return site.page(request, "missing.html", status=status, text=text)

    def failed(request: Request, _: Exception) -> Response:
        return site.page(request, "missing.html", status=500, text="The page failed: see the emulator's log.")

    app = Starlette(
        routes=[
            *(route for module in _MODULES for route in module.routes(site)),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        exception_handlers={NotFound: missing, NoSuchFile: missing, HTTPException: refused, Exception: failed},
    )
    return Guard(app, context.settings.ports.page)

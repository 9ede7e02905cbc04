"""What every page is made from: the emulator's context, readers of what it holds, and the templates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ..context import Context
from ..jobs.runs import Runs
from .definitions import Definitions
from .links import Links
from .rendering import Renderer
from .storage import Storage
from .tracking import Metrics


class NotFound(Exception):  # noqa: N818
    """There is no page at this address; the text says what is missing."""


@dataclass(frozen=True)
class Site:
    """Everything that the views read. All of it blocks: views are plain functions, which run in threads."""

    context: Context
    runs: Runs
    metrics: Metrics
    storage: Storage
    links: Links
    renderer: Renderer

    @classmethod
    def of(cls, context: Context) -> Site:
        """The site of an emulator."""
        settings, storage = context.settings, Storage(context.blobs)
        return cls(
            context=context,
            runs=Runs(context.store, settings.workspace),
            metrics=Metrics(settings.ports.mlflow),
            storage=storage,
            links=Links(storage, context.workspace_id),
            renderer=Renderer({"settings": settings}),
        )

    def definitions(self) -> Definitions:
        """A reader of definitions for one page."""
        return Definitions(self.context, self.runs)

    def page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page from its template."""
        return self.renderer.page(request, template, status=status, **values)

    def run(self, name: str) -> dict[str, Any]:
        """The run. Raises NotFound."""
        run = self.runs.get(name)
        if run is None:
            raise NotFound(f"There is no job {name}.")
        return run


def whole_number(request: Request, name: str, otherwise: int) -> int:
    """A number from 0 on in the query; what is none counts as not given."""
    given = request.query_params.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else otherwise  # noqa: PLR2004

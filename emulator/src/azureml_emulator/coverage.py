"""What of Azure's REST API there is, read from the routes themselves: `azureml-emulator coverage` prints it.

A route says which operation it is and what is missing where it is defined (see routing.py). One that does not say so is
listed by its method and path alone.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table
from starlette.routing import BaseRoute, Host, Mount, Route

from . import arm, settings
from .routing import Operation, Unimplemented

IMPLEMENTED, PARTIAL, NOT_IMPLEMENTED = "implemented", "partial", "501"
_SHORT = ((arm.WORKSPACE, "{workspace}"), (arm.GROUP, "{group}"), (arm.SUBSCRIPTION, "{subscription}"))
_CATCH_ALL = "/{path:path}"


@dataclass(frozen=True)
class Row:
    """An operation: its name ("" if its route has none), how it is asked for, and whether it is there."""

    operation: str
    method: str
    path: str
    status: str
    missing: str = ""

    @property
    def group(self) -> str:
        """What belongs together: ModelVersions_Get is one of ModelVersions."""
        return self.operation.partition("_")[0] if self.operation else "~"


def rows() -> list[Row]:
    """All operations of this emulator, those of one resource together, those without a name last."""
    # Imported here: the rest of the command line does not need the whole application.
    from .app import create_app  # noqa: PLC0415
    from .server import open_context  # noqa: PLC0415

    def lifespan() -> AbstractAsyncContextManager[None]:
        return nullcontext()

    with tempfile.TemporaryDirectory() as folder:
        context = open_context(settings.load_or_create(Path(folder)))
        try:
            app = create_app(context, lifespan)
            # Of the top level's own routes none is Azure's: those of the emulator itself are there.
            return collect([route for route in app.routes if isinstance(route, Host | Mount)])
        finally:
            context.store.close()


def collect(routes: Sequence[BaseRoute]) -> list[Row]:
    """The operations of these routes, each once, in the table's order."""
    return sorted(_once(_walk(routes)), key=lambda row: (row.group, row.path, row.method))


def _walk(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[Row]:
    for route in routes:
        if isinstance(route, Host | Mount):
            yield from _walk(route.routes, prefix + getattr(route, "path", ""))
        elif isinstance(route, Route) and route.path != _CATCH_ALL:
            yield _row(route, prefix)


def _row(route: Route, prefix: str) -> Row:
    methods = route.methods or {"GET"}
    method = ", ".join(sorted(methods - {"HEAD"} if "GET" in methods else methods))
    path = prefix + route.path
    if isinstance(route, Unimplemented):
        return Row(route.name, method, path, NOT_IMPLEMENTED)
    if isinstance(route, Operation):
        return Row(route.name, method, path, PARTIAL if route.missing else IMPLEMENTED, route.missing)
    return Row("", method, path, IMPLEMENTED)


def _once(found: Iterable[Row]) -> list[Row]:
    """Each operation once, though registries have two paths, and issuers of tokens two hosts."""
    kept: dict[tuple[str, str], Row] = {}
    for row in found:
        kept.setdefault((row.operation or row.path, row.method), row)
    return list(kept.values())


def counts(found: Iterable[Row]) -> dict[str, int]:
    """How many operations there are of each status."""
    counted = Counter(row.status for row in found)
    return {status: counted[status] for status in (IMPLEMENTED, PARTIAL, NOT_IMPLEMENTED)}


def short(path: str) -> str:
    """The path with the beginnings that most have in short."""
    for long, name in _SHORT:
        path = path.replace(long, f"/{name}")
    return re.sub(r":path}", "}", path)


def as_json(found: Sequence[Row]) -> str:
    """A JSON array of objects."""
    return json.dumps([asdict(row) for row in found], indent=2)


def as_markdown(found: Sequence[Row]) -> str:
    """A table in Markdown, below a line of figures."""
    told = ", ".join(f"{number} {status}" for status, number in counts(found).items())
    lines = [f"{len(found)} operations: {told}.", "", "| Operation | Request | Status |", "|---|---|---|"]
    for row in found:
        status = f"{row.status}: without {row.missing}" if row.missing else row.status
        lines.append(f"| {row.operation} | `{row.method} {short(row.path)}` | {status} |")
    return "\n".join(lines) + "\n"


def as_table(found: Sequence[Row]) -> Table:
    """A table for a terminal."""
    table = Table("Operation", "Request", "Status", "Without")
    for row in found:
        table.add_row(row.operation, f"{row.method} {short(row.path)}", row.status, row.missing)
    table.caption = ", ".join(f"{number} {status}" for status, number in counts(found).items())
    return table

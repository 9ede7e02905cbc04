"""The jobs, newest first, and the experiments that they belong to."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..jobs import runs
from ..jobs.runs import KIND
from .site import Site, whole_number

_PER_PAGE = 50
_STATES = (runs.RUNNING, runs.QUEUED, runs.COMPLETED, runs.FAILED, runs.CANCELED)
BUSY_MS, IDLE_MS = 1500, 4000
"""How often a page that shows something unfinished, or nothing such, asks for news."""


@dataclass
class Experiment:
    """An experiment: how many of its jobs are in each state."""

    name: str
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many jobs it has."""
        return sum(self.counts.values())


def experiments(site: Site) -> list[Experiment]:
    """The experiments, the one with the newest job first."""
    found: dict[str, Experiment] = {}
    for name, status, count in site.context.store.tally(KIND, {"parent": None}, "experiment", "status"):
        found.setdefault(name, Experiment(name)).counts[status] = count
    return list(found.values())


def routes(site: Site) -> list[Route]:
    """The list of jobs (the first page that is seen) and of experiments."""

    def jobs(request: Request) -> Response:
        query = request.query_params
        experiment, status, text = query.get("experiment", ""), query.get("status", ""), query.get("q", "").strip()
        archived = query.get("archived") == "1"
        fields: dict[str, str | bool | None] = {"parent": None, "hidden": archived}
        fields |= {key: value for key, value in (("experiment", experiment), ("status", status)) if value}
        page = max(whole_number(request, "page", 1), 1)
        found, count = site.context.store.search(
            KIND, fields, text=text, limit=_PER_PAGE, offset=min((page - 1) * _PER_PAGE, 2**31)
        )
        busy = any(run["status"] not in runs.TERMINAL for run in found)
        return site.page(
            request,
            "jobs.html",
            runs=found,
            count=count,
            page=page,
            pages=max(math.ceil(count / _PER_PAGE), 1),
            experiments=[one.name for one in experiments(site)],
            states=_STATES,
            chosen={"experiment": experiment, "status": status, "q": text, "archived": "1" if archived else ""},
            live=BUSY_MS if busy else IDLE_MS,
        )

    def listed(request: Request) -> Response:
        return site.page(request, "experiments.html", experiments=experiments(site), live=IDLE_MS)

    return [Route("/", jobs), Route("/experiments", listed)]

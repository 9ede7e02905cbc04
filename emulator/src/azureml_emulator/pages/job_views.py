"""One job, or one run of a pipeline's node: what it does, its graph, logs, metrics, and how it was submitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ..jobs.process.logs import artifact
from ..jobs.runs import KIND
from . import graph, plots, states, texts, trials
from .definitions import Definitions, Input
from .job_list import BUSY_MS
from .links import Link
from .site import NotFound, Site, whole_number
from .storage import NoSuchFile
from .timeline import timeline
from .tracking import NOTHING, Logged, Unavailable

Run = Mapping[str, Any]
_MOST_RUNS = 200
"""How many runs below a job are asked for what they logged."""
_MOST_PLOTS, _MOST_LINES = 40, 8


@dataclass(frozen=True)
class _File:
    """A log of the run or of one below it."""

    run: str
    name: str
    node: str


class JobViews:
    """The pages of a job."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def _page(self, request: Request, template: str, run: Run, **values: Any) -> Response:
        parents: list[Run] = []
        name = run["parent"]
        while name and (parent := self._site.runs.get(str(name))) is not None and len(parents) < 32:  # noqa: PLR2004
            parents.insert(0, parent)
            name = parent["parent"]
        return self._site.page(
            request,
            template,
            run=run,
            shown=states.shown(run),
            parents=parents,
            former=self._former(run),
            live=None if states.ended(run) else BUSY_MS,
            **values,
        )

    def _former(self, run: Run) -> Run | None:
        """The job before this one in its experiment, to compare it with."""
        if run["parent"]:
            return None
        fields = {"parent": None, "experiment": str(run["experiment"]), "hidden": False}
        listed, _ = self._site.context.store.search(KIND, fields, limit=200)
        older = [one for one in listed if one["createdUtc"] < run["createdUtc"]]
        return older[0] if older else None

    def overview(self, request: Request) -> Response:
        """What the job is made of, with its graph, nodes, inputs and outputs."""
        run, definitions = self._site.run(request.path_params["name"]), self._site.definitions()
        children = definitions.children(run)
        return self._page(
            request,
            "job.html",
            run,
            graph=graph.of(definitions, run),
            children=[(child, states.shown(child)) for child in children],
            timeline=timeline(run, children),
            trials=trials.of(run, children, self._site.metrics),
            tags={key: value for key, value in run["tags"].items() if key not in {one["name"] for one in children}},
            inputs=[(one, self._input_link(one)) for one in definitions.inputs(run)],
            outputs=[(name, one, self._site.links.files(str(one["uri"]))) for name, one in run["outputs"].items()],
            made_of={told: self._site.links.of(of) for told, of in definitions.made_of(run).items()},
            files=self._site.links.files(f"azureml://datastores/workspaceartifactstore/paths/{self._artifacts(run)}"),
        )

    @staticmethod
    def _artifacts(run: Run) -> str:
        return artifact(str(run["name"]), "").prefix

    def _input_link(self, given: Input) -> Link | None:
        return self._site.links.of(given.uri) if given.uri else None

    def _logs(self, definitions: Definitions, run: Run) -> list[_File]:
        own = [_File(str(run["name"]), log, "") for log in run["logs"]]
        below = definitions.descendants(run)
        return own + [_File(str(one["name"]), log, states.title(one)) for one in below for log in one["logs"]]

    def logs(self, request: Request) -> Response:
        """One of its logs: the end, or the part that is asked for."""
        run, definitions = self._site.run(request.path_params["name"]), self._site.definitions()
        files, query = self._logs(definitions, run), request.query_params
        chosen = next((f for f in files if (f.run, f.name) == (query.get("of", run["name"]), query.get("file"))), None)
        if chosen is None and query.get("file"):
            raise NotFound(f"There is no log {query['file']} of this job.")
        chosen = chosen or (files[0] if files else None)
        return self._page(
            request,
            "job_logs.html",
            run,
            files=files,
            chosen=chosen,
            text=self._text(request, chosen) if chosen else None,
            place=artifact(chosen.run, chosen.name) if chosen else None,
            growing=bool(chosen and not states.ended(self._site.run(chosen.run)) and "before" not in query),
        )

    def _text(self, request: Request, chosen: _File) -> texts.Text:
        place, query = artifact(chosen.run, chosen.name), request.query_params
        try:
            if "after" in query:
                return texts.after(self._site.storage, place.container, place.prefix, whole_number(request, "after", 0))
            end = whole_number(request, "before", 0) if "before" in query else None
            return texts.before(self._site.storage, place.container, place.prefix, end)
        except NoSuchFile:
            # It is noted in the run just before it is written.
            return texts.Text("", 0, 0, 0)

    def tail(self, request: Request) -> Response:
        """What a log has got since the byte `after`, as text, with where that ends and whether more may come."""
        run, name = self._site.run(request.path_params["name"]), request.query_params.get("file", "")
        if name not in run["logs"]:
            raise NotFound(f"There is no log {name} of this job.")
        growing = not states.ended(run)
        place, start = artifact(str(run["name"]), name), whole_number(request, "after", 0)
        try:
            text = texts.after(self._site.storage, place.container, place.prefix, start)
        except NoSuchFile:
            text = texts.Text("", start, start, start)
        more = growing or text.end < text.total
        return PlainTextResponse(text.text, headers={"X-End": str(text.end), "X-More": str(int(more))})

    def metrics(self, request: Request) -> Response:
        """Parameters, metrics and plots, of the job and of the runs below it."""
        run, definitions = self._site.run(request.path_params["name"]), self._site.definitions()
        below: list[Run] = [run]
        below += islice(definitions.descendants(run), _MOST_RUNS - 1)
        logged: dict[str, Logged] = {}
        drawn: list[plots.Plot] = []
        trouble = ""
        try:
            logged = self._site.metrics.logged(below)
            drawn = self._plots(below, logged)
        except Unavailable as error:
            trouble = f"Metrics cannot be read now: {error}."
        shown = [(one, what) for one in below if (what := logged.get(one["name"], NOTHING)) != NOTHING]
        return self._page(
            request, "job_metrics.html", run, logged=shown, plots=drawn, trouble=trouble, most=_MOST_PLOTS
        )

    def _plots(self, below: list[Run], logged: Mapping[str, Logged]) -> list[plots.Plot]:
        """A plot for each metric that has a history: all the runs that logged it are in one."""
        by_key: dict[str, list[Run]] = {}
        for one in below:
            for key in logged.get(one["name"], NOTHING).metrics:
                by_key.setdefault(key, []).append(one)
        drawn = []
        for key, ones in list(by_key.items())[:_MOST_PLOTS]:
            called = plots.labels(ones[:_MOST_LINES])
            series = {called[one["name"]]: self._site.metrics.history(one["mlflow"], key) for one in ones[:_MOST_LINES]}
            if (plot := plots.draw(key, series)) is not None:
                drawn.append(plot)
        return drawn

    def definition(self, request: Request) -> Response:
        """The job as it was submitted, and its component."""
        run, definitions = self._site.run(request.path_params["name"]), self._site.definitions()
        spec = definitions.specification(run)
        component = definitions.component(spec.get("componentId") or spec.get("component"))
        return self._page(
            request,
            "job_definition.html",
            run,
            spec=spec,
            component=component,
            command=_command(spec, component),
        )


def _command(spec: Mapping[str, Any], component: Mapping[str, Any]) -> str:
    return str(spec.get("command") or component.get("command") or "")


def routes(site: Site) -> list[Route]:
    """The pages of a job, and what its log has got."""
    views, base = JobViews(site), "/jobs/{name}"
    return [
        Route(base, views.overview),
        Route(f"{base}/logs", views.logs),
        Route(f"{base}/logs/tail", views.tail),
        Route(f"{base}/metrics", views.metrics),
        Route(f"{base}/definition", views.definition),
    ]

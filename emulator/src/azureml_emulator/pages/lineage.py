"""Where an asset comes from, as a drawing: the job that made it, and the data, environment and code of that job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import layout, states
from .definitions import Definitions
from .graph import Arrow, Graph, Shown
from .links import Link
from .rendering import url
from .site import Site

_SIZE = (216.0, 58.0)
_MOST = 60
"""Boxes; a history that is longer is cut."""

Run = Mapping[str, Any]


class _Tracer:
    """Follows inputs back to the runs and data that they are from."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._definitions: Definitions = site.definitions()
        self.nodes: dict[layout.Key, tuple[str, str | None, str | None, str]] = {}
        self.edges: list[layout.Pair] = []

    def asset(self, kind: str, link: Link, version: Mapping[str, Any]) -> layout.Key:
        key = (kind, str(version["id"]))
        told = {"models": "model", "data": "data"}.get(kind, kind)
        self.nodes[key] = (link.text, None, None, told)
        return key

    def run(self, run: Run, to: layout.Key, *, closely: bool = False) -> None:
        """Add a run that leads to `to`, and what it read; `closely` with its environment and code."""
        key = ("run", str(run["name"]))
        self.edges.append((key, to))
        if key in self.nodes or len(self.nodes) >= _MOST:
            return
        self.nodes[key] = (str(run["display_name"]), url("jobs", str(run["name"])), states.shown(run), "job")
        for given in self._definitions.inputs(run):
            if given.run and (source := self._site.runs.get(given.run)):
                self.run(source, key)
            elif given.uri:
                self._add("data", given.uri, key)
        if closely:
            for told, reference in self._definitions.made_of(run).items():
                self._add(told, reference, key)

    def _add(self, told: str, reference: str, to: layout.Key) -> None:
        link = self._site.links.of(reference)
        key = (told, reference)
        self.nodes[key] = (link.text, link.href, None, told)
        self.edges.append((key, to))


def of(site: Site, kind: str, version: Mapping[str, Any], job: str | None) -> Graph | None:
    """The lineage of a version of an asset; None if no job is known to have made it."""
    run = site.runs.get(job) if job else None
    if run is None:
        return None
    tracer = _Tracer(site)
    name = str(version["id"]).split("/")[-3]
    key = tracer.asset(kind, site.links.asset(kind, name, str(version["name"])), version)
    tracer.run(run, key, closely=True)
    drawing = layout.draw(dict.fromkeys(tracer.nodes, _SIZE), tracer.edges)
    boxes = [
        Shown("node", name, label, box, href, status, told)
        for (_, name), box in drawing.boxes.items()
        for label, href, status, told in (tracer.nodes[_, name],)
    ]
    arrows = [Arrow(path, "", done=True) for path in drawing.paths.values()]
    return Graph(boxes, arrows, drawing.width, drawing.height)

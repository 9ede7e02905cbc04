"""Works on assets side by side, each after those that it needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from mlops_actions.errors import ActionError

_AT_ONCE = 8
_REFERENCE = re.compile(r"azureml:([^/:@\s]+)[:@]")


@dataclass(frozen=True)
class Source:
    """An asset's YAML: its kind (environment, component, data), its file and what that says."""

    kind: str
    file: Path
    document: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The asset's name."""
        return str(self.document["name"])

    @property
    def version(self) -> str | None:
        """The version that the YAML asks for, if it does."""
        version = self.document.get("version")
        return None if version is None else str(version)


def needs(sources: Sequence[Source]) -> dict[int, set[int]]:
    """The numbers of the sources that each source refers to, or that come before it under the same name.

    Raises ActionError if they go round in a circle.
    """
    names: dict[str, list[int]] = {}
    for number, source in enumerate(sources):
        names.setdefault(source.name, []).append(number)
    graph = {}
    for number, source in enumerate(sources):
        referred = {one for name in _referred(source.document) for one in names.get(name, [])}
        same = {one for one in names[source.name] if one < number}
        graph[number] = (referred | same) - {number}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        files = " needs ".join(str(sources[number].file) for number in error.args[1])
        raise ActionError(f"the assets need each other: {files}") from None
    return graph


def _referred(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _referred(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _referred(inner)
    elif isinstance(value, str) and (match := _REFERENCE.match(value)):
        yield match[1]


def side_by_side(graph: Mapping[int, set[int]], work: Callable[[int], None]) -> dict[int, Exception]:
    """Do the work for each number of the graph, after that of those it needs; the answer is what failed.

    What needs something that failed is left out; all else is done, so that it does not matter who is quicker.
    """
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    failed: dict[int, Exception] = {}
    running: dict[Future[None], int] = {}
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="assets")
    try:
        while True:
            running.update({pool.submit(work, number): number for number in sorter.get_ready()})
            if not running:
                return failed
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                number = running.pop(future)
                try:
                    future.result()
                except Exception as error:  # noqa: BLE001 - it is the caller's to tell
                    failed[number] = error
                else:
                    sorter.done(number)
    finally:
        # A step that is told to end begins nothing more: there may be many in the queue, and it has seconds.
        pool.shutdown(wait=False, cancel_futures=True)

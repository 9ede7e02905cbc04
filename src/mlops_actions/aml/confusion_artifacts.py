"""The confusion matrices that a job's nodes logged: artifacts in Azure ML's own JSON format."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlops_actions.aml.job import Node
from mlops_actions.azure import Rest
from mlops_actions.summaries.confusion import ConfusionMatrix, parse

_ARTIFACTS = "/artifact/v2.0{workspace}/artifacts/ExperimentRun/dcid."
_MOST_OF_A_NODE = 3
_MOST_PAGES = 20
_LONGEST = 1024 * 1024


@dataclass(frozen=True)
class LoggedMatrix:
    """A matrix, the node that logged it, and the name of the artifact."""

    node: str
    artifact: str
    matrix: ConfusionMatrix


def confusion_matrices(rest: Rest, nodes: Sequence[Node]) -> Iterator[LoggedMatrix]:
    """The matrices in the artifacts that are JSON and are called after what they are. Raises HttpResponseError.

    `mlflow.log_dict({"schema_type": "confusion_matrix", …}, "confusion_matrix.json")` logs one, SDK v1's
    `run.log_confusion_matrix` another. Of other artifacts not one is fetched: they may be large.
    """
    for node in nodes:
        run = node.reused or node.run_id
        paths = [path for path in _paths(rest, run) if path.endswith(".json") and "confusion" in path.casefold()]
        for path in paths[:_MOST_OF_A_NODE]:
            matrix = _read(rest, run, path)
            if matrix is not None:
                yield LoggedMatrix(node.name, path, matrix)


def _paths(rest: Rest, run: str) -> list[str]:
    found, query = [], dict[str, str]()
    for _ in range(_MOST_PAGES):
        page = rest.api(f"{_ARTIFACTS}{run}", query) or {}
        found += [str(artifact["path"]) for artifact in page.get("value") or []]
        if not (token := page.get("continuationToken")):
            break
        query = {"continuationToken": token}
    return sorted(found)


def _read(rest: Rest, run: str, path: str) -> ConfusionMatrix | None:
    information = rest.api(f"{_ARTIFACTS}{run}/contentinfo", {"path": path}) or {}
    content = rest.blob(str(information["contentUri"])) if information.get("contentUri") else b""
    if len(content) > _LONGEST:
        return None
    try:
        return parse(json.loads(content))
    except (ValueError, RecursionError):
        return None

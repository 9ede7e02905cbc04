"""What a run is given to do: its node with everything settled, and the run that it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .definition.specification import Literal, Node, Settings


@dataclass(frozen=True)
class Files:
    """Files that are an input: where they are, and the job that wrote them there (None if no job did).

    `mode` as on the wire; None: the component's, or else the default.
    """

    uri: str
    type: str
    job: str | None = None
    mode: str | None = None


Value = Literal | Files


@dataclass(frozen=True)
class Assignment:
    """A node with everything settled that the run needs: names, input values, places of its outputs.

    `run` is the run's name, `mlflow` the id of its MLflow run, `root` the job that all of it belongs to.
    """

    run: str
    root: str
    experiment: str
    experiment_id: str
    mlflow: str
    node: Node
    inputs: Mapping[str, Value]
    outputs: Mapping[str, str]
    settings: Settings = field(default_factory=Settings)

"""A job as it was submitted: inputs, outputs, and the nodes of a pipeline with what they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..process.job_identity import JobIdentity
from ..sweep.specification import Sweep
from .components import Component, Port
from .references import NodeOutput, Reference

SERVERLESS = "serverless"
"""The compute of a node that names none: Azure makes one for it, and removes it afterwards."""


@dataclass(frozen=True)
class Literal:
    """A value; on the wire all values are strings."""

    value: str


@dataclass(frozen=True)
class Asset:
    """Files: an ARM id of a data asset or model, or a URI; `mode` as on the wire (ReadOnlyMount, Direct, …)."""

    uri: str
    type: str
    mode: str | None = None


Given = Literal | Asset


@dataclass(frozen=True)
class Target:
    """Where an output goes: to an output of the parent, to an explicit URI, or to the default place (neither)."""

    type: str
    bound: str | None = None
    uri: str | None = None
    mode: str | None = None
    asset_name: str | None = None
    asset_version: str | None = None


@dataclass(frozen=True)
class Node:
    """A component to run with these inputs. A standalone command or sweep job is one, too.

    `graph` is there if the component is a pipeline; `sweep` if it is the trial of a sweep; `modes` are those that the
    node itself gives to its inputs; `services` are the names of the interactive services that it asks for.
    """

    name: str
    display_name: str
    component: Component
    inputs: Mapping[str, Given | Reference]
    outputs: Mapping[str, Target]
    compute: str | None
    variables: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    modes: Mapping[str, str] = field(default_factory=dict)
    graph: Graph | None = None
    sweep: Sweep | None = None
    services: tuple[str, ...] = ()
    identity: JobIdentity | None = None

    def needs(self) -> set[str]:
        """The nodes whose outputs it reads."""
        return {source.node for source in self.inputs.values() if isinstance(source, NodeOutput)}


@dataclass(frozen=True)
class Graph:
    """Nodes that are wired to each other, and to the inputs and outputs of the pipeline that they are."""

    inputs: Mapping[str, Port]
    outputs: Mapping[str, str]
    nodes: Mapping[str, Node]


@dataclass(frozen=True)
class Settings:
    """A pipeline job's settings; they hold for the pipelines within it as well."""

    continue_on_failure: bool = False
    force_rerun: bool = False
    default_datastore: str | None = None
    identity: JobIdentity | None = None


@dataclass(frozen=True)
class Pipeline:
    """A pipeline job."""

    graph: Graph
    inputs: Mapping[str, Given]
    outputs: Mapping[str, Target]
    settings: Settings

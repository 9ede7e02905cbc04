"""The act runner: this repository's real workflow files, run on this machine with no network and no Docker."""

from sandbox.act.leftovers import end_leftovers
from sandbox.act.results import Annotation, Job, Step, WorkflowRun
from sandbox.act.runner import OnLine, OnStep, RunningWorkflow, start_workflow

__all__ = [
    "Annotation",
    "Job",
    "OnLine",
    "OnStep",
    "RunningWorkflow",
    "Step",
    "WorkflowRun",
    "end_leftovers",
    "start_workflow",
]

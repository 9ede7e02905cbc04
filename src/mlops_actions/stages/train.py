"""`mlops run train`: what train.yml does, with its inputs as flags."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlops_actions.assets.plan import OnConflict
from mlops_actions.azure import AS_THE_ENVIRONMENT_SAYS, SignIn
from mlops_actions.compute.bringing import OnDifference
from mlops_actions.stages.progress import FROM_THE_BEGINNING, Progress
from mlops_actions.stages.running import run
from mlops_actions.stages.steps import Stage, Step, same

_COMPUTE = ("compute_file", "compute")

# The steps of .github/workflows/train.yml; a test holds them against it.
TRAIN = Stage(
    "train",
    (
        Step(
            "register",
            "Register environments, components and data",
            "register-assets",
            same("environments", "components", "data", "on_conflict"),
            when=("environments", "components", "data"),
        ),
        Step(
            "start",
            "Start the compute",
            "ensure-compute",
            {
                "file": "compute_file",
                "name": "compute",
                "timeout_minutes": "compute_timeout_minutes",
                "recreate": "recreate_compute",
                "on_difference": "on_compute_difference",
            },
            fixed={"state": "running"},
            when=_COMPUTE,
        ),
        Step(
            "pipeline",
            "Run the pipeline",
            "run-aml-pipeline",
            {
                "file": "pipeline",
                "inputs": "pipeline_inputs",
                **same("job_name", "compute", "experiment", "timeout_minutes", "wait", "retries"),
                **same("cancel_on_interrupt", "cancel_on_timeout"),
            },
        ),
        Step(
            "stop",
            "Stop the compute",
            "ensure-compute",
            {
                "file": "compute_file",
                "name": "compute",
                "timeout_minutes": "compute_timeout_minutes",
                "only_if_idle": "only_if_idle",
            },
            fixed={"state": "stopped"},
            when=_COMPUTE,
            cleans_up="start",
            switch="stop_compute",
        ),
    ),
    outputs="pipeline",
    required=("pipeline",),
    job="pipeline",
)


def train(
    *,
    pipeline: Path | None = None,
    pipeline_inputs: Mapping[str, str] | None = None,
    job_name: str | None = None,
    experiment: str | None = None,
    compute_file: Path | None = None,
    compute: str | None = None,
    compute_timeout_minutes: float = 20,
    recreate_compute: bool = False,
    on_compute_difference: OnDifference = "update",
    stop_compute: bool = True,
    only_if_idle: bool = True,
    environments: tuple[str, ...] = (),
    components: tuple[str, ...] = (),
    data: tuple[str, ...] = (),
    on_conflict: OnConflict = "error",
    timeout_minutes: float = 300,
    wait: bool = True,
    retries: int = 0,
    cancel_on_interrupt: bool = True,
    cancel_on_timeout: bool = True,
    progress: Progress = FROM_THE_BEGINNING,
    sign_in: SignIn = AS_THE_ENVIRONMENT_SAYS,
) -> int:
    """Do what train.yml does, step by step, and go on from any of them: register, start, pipeline, stop.

    Args:
        pipeline: pipeline YAML to run
        pipeline_inputs: inputs of the pipeline, key=value a line; the others keep the defaults of the YAML
        job_name: name of the pipeline job; by default <pipeline>-local-<time>
        experiment: experiment of the job instead of the one that the YAML names
        compute_file: YAML of the compute, which is created from it when it does not exist
        compute: name of the compute to run on, instead of those that the compute's YAML and the pipeline name
        compute_timeout_minutes: how long the compute may take to start, and to stop
        recreate_compute: delete a compute that is beyond repair, such as one that is CreateFailed, and create it anew
        on_compute_difference: what follows from a difference of the compute from its YAML, one of update (a cluster is
            rescaled), report, fail
        stop_compute: stop the compute in the end, whatever happened
        only_if_idle: stop the compute only when no job uses it; else leave it as it is, and say which jobs do
        environments: environment YAMLs to register, one glob a line
        components: component YAMLs to register, one glob a line
        data: data asset YAMLs to register, one glob a line
        on_conflict: what to do about an asset's version that exists with another content, one of error, next-version
        timeout_minutes: how long the pipeline may take
        wait: wait for the job's end; without it the compute is left to the job, and there is no model yet
        retries: how often, at most, to submit the job again after a failure of Azure's, never of its own code
        cancel_on_interrupt: cancel the job when this is interrupted
        cancel_on_timeout: cancel the job after timeout-minutes; if not, the step ends with its status
        progress: where to begin
        sign_in: where the workspace is and how to sign in

    """
    given = dict(locals())  # before anything else is called so: the inputs by their names
    del given["progress"], given["sign_in"]
    return run(TRAIN, train, given, progress, sign_in)

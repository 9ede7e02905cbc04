"""Runs a sweep: trials are child runs, begun as others end, ended early by the policy, and the best of them chosen.

What run history shows of it has the names that Azure's hyperparameter service, HyperDrive, writes: the properties of
the sweep's run (`best_child_run_id`, `score`, …), its tags `<run>_<number>` with each trial's hyperparameters, its log.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, replace

from ...errors import ServiceError
from .. import children, compute, runs
from ..assignment import Assignment
from ..children import Child
from ..ending import beginning
from ..files import outputs, storage
from ..services import Services
from ..stopping import JobCanceled, JobFailed, Stop
from . import trial
from .log import NAME as LOG
from .log import SweepLog
from .results import Results
from .sampling import Sample, sampler
from .specification import Sweep

_TICK_SECONDS = 0.3
_TRIAL = "azureml.scriptrun"


def perform(services: Services, assignment: Assignment, stop: Stop) -> None:
    """Run a sweep to its end. Raises JobFailed or JobCanceled unless it completes."""
    sweep = assignment.node.sweep
    assert sweep is not None  # noqa: S101
    stop.check()
    services.runs.move(assignment.run, runs.PREPARING)
    log = SweepLog(services.context, assignment.run)
    services.runs.add_log(assignment.run, LOG)
    try:
        _Run(services, assignment, sweep, stop, log).run()
    except JobFailed as error:
        log.say("CONTROLLER", error.message, "ERROR")
        raise
    finally:
        log.close()


@dataclass
class _Trial:
    """A trial that runs: `since` is when its command was first seen to, `judged` how many reports were looked at."""

    sample: Sample
    child: Child
    mlflow: str
    since: float | None = None
    judged: int = 0


class _Run:
    """One sweep in progress; `own` is the sweep's own run."""

    def __init__(self, services: Services, own: Assignment, sweep: Sweep, stop: Stop, log: SweepLog) -> None:
        self._services = services
        self._own = own
        self._sweep = sweep
        self._stop = stop
        self._log = log
        self._sampler = sampler(sweep)
        self._exhausted = False
        self._begun = time.monotonic()
        self._running: dict[str, _Trial] = {}
        self._mlflow: dict[str, str] = {}
        self._results = Results(sweep.objective)

    def run(self) -> None:
        self._introduce()
        self._services.runs.move(self._own.run, runs.RUNNING)
        try:
            while self._check() and (self._begin_trials() or self._running):
                self._tick()
        finally:
            self._end_running()
        self._conclude()

    def _introduce(self) -> None:
        objective = self._sweep.objective
        told = {
            "runTemplate": "HyperDrive",
            "platform": "AML",
            "resume_from": "null",
            "primary_metric_config": json.dumps({"name": objective.metric, "goal": objective.goal}),
        }
        if self._own.run == self._own.root:
            told["azureml.runsource"] = "hyperdrive"
        if self._sweep.size is not None:
            told["space_size"] = str(self._sweep.size)
        self._services.runs.describe(self._own.run, properties=told)
        self._log.say("API", "Experiment created")

    def _check(self) -> bool:
        """Whether to go on. Raises JobFailed or JobCanceled if not."""
        compute.watch(self._services.context, self._own.node, self._stop)
        self._stop.check()
        limit = self._sweep.limits.timeout
        if limit is not None and time.monotonic() - self._begun > limit:
            # So Azure documents it: the system cancels the sweep, including all of its trials.
            self._log.say("CONTROLLER", f"The sweep ran into its limit of {limit:g} seconds; canceling it", "WARNING")
            raise JobCanceled
        return True

    def _begin_trials(self) -> bool:
        """Begin as many trials as may run now; whether there were any."""
        limits = self._sweep.limits
        begun = 0
        while not self._exhausted and len(self._running) < limits.max_concurrent_trials:
            sample = self._sampler.propose() if len(self._mlflow) < limits.max_total_trials else None
            if sample is None:
                self._exhausted = True
                self._log.say("GENERATOR", f"All jobs generated: {len(self._mlflow)}.")
            else:
                self._begin(sample)
                begun += 1
        return begun > 0

    def _begin(self, sample: Sample) -> None:
        services, own = self._services, self._own
        name = f"{own.run}_{sample.number}"
        values = json.dumps(dict(sample.values))
        made = children.create(
            services,
            own,
            trial.node(own.node, name, sample.values),
            kind=_TRIAL,
            properties={"azureml.runsource": _TRIAL},
            # If a job has taken the name before, the trial is called by its MLflow run.
            name=name if services.runs.get(name) is None else None,
        )
        with beginning(services, made.run):
            places = outputs.places(services.context, made.node, made.run, {}, own.settings)
        services.runs.describe(made.run, tags={"hyperparameters": values})
        services.runs.describe(own.run, tags={made.run: values})
        self._log.say("SCHEDULER", f"Scheduling job, id='{made.run}', hyperparameters {values}")
        child = children.begin(services, replace(made, inputs=trial.inputs(own, sample.values), outputs=places))
        self._mlflow[made.run] = made.mlflow
        self._results.reports[made.run] = ()
        self._running[made.run] = _Trial(sample, child, made.mlflow)

    def _tick(self) -> None:
        """Wait for a trial to end, or for a while, and look what has become of the running ones."""
        futures = [one.child.future for one in self._running.values()]
        wait(futures, timeout=_TICK_SECONDS, return_when=FIRST_COMPLETED)
        for name, one in list(self._running.items()):
            if one.child.future.done():
                self._take(name)
            elif not one.child.stop.event.is_set():
                compute.watch(self._services.context, one.child.node, one.child.stop)
                self._watch(name, one)

    def _watch(self, name: str, one: _Trial) -> None:
        """End a running trial that has had its time, or that the policy gives up."""
        run = self._services.runs.get(name)
        if run is None or run["status"] != runs.RUNNING:
            return
        one.since = one.since or time.monotonic()
        limit = self._sweep.limits.trial_timeout
        if limit is not None and time.monotonic() - one.since > limit:
            self._log.say("ENFORCER", f"Job '{name}' ran into its limit of {limit:g} seconds; canceling it")
            one.child.stop.cancel()
        elif self._sweep.policy is not None:
            self._judge(name, one)

    def _judge(self, name: str, one: _Trial) -> None:
        policy, results = self._sweep.policy, self._results
        assert policy is not None  # noqa: S101
        self._read_reports(name, one.mlflow)
        reported = len(results.reports[name])
        due = [count for count in range(one.judged + 1, reported + 1) if policy.schedule.applies(count)]
        one.judged = reported
        for interval in due:
            if policy.ends(name, interval, results.standing()):
                metric = self._sweep.objective.metric
                self._log.say(
                    "ENFORCER",
                    f"Canceling job '{name}' by the early termination policy: {metric} at interval {interval}",
                )
                one.child.stop.cancel()
                return

    def _read_reports(self, name: str, mlflow: str) -> None:
        self._results.reports[name] = self._services.tracking.reports(mlflow, self._sweep.objective.metric)

    def _take(self, name: str) -> None:
        """Take a trial that has ended into the results."""
        one = self._running.pop(name)
        run = children.settle(self._services, one.child)
        self._read_reports(name, one.mlflow)
        before = self._results.best()
        self._results.ended[name] = run
        score = self._results.score(name)
        metric = self._sweep.objective.metric
        told = "did not log" if score is None else f"{score!r} is its best"
        self._log.say("CONTROLLER", f"Job '{name}' is {run['status']}: {told} {metric}")
        self._sampler.learn(one.sample, score if run["status"] == runs.COMPLETED else None)
        leading = self._results.best()
        if leading is not None and leading != before:
            self._note_best(*leading)

    def _note_best(self, name: str, score: float) -> None:
        self._services.runs.describe(
            self._own.run,
            properties={
                "best_child_run_id": name,
                "score": repr(score),
                "best_metric_status": "Succeeded",
                "best_data_container_id": f"dcid.{name}",
            },
        )

    def _end_running(self) -> None:
        """Cancel what runs on, and wait for it to be over."""
        for one in self._running.values():
            one.child.stop.cancel()
        for name, one in self._running.items():
            children.settle(self._services, one.child)
            self._log.say("CONTROLLER", f"Job '{name}' was ended")
        self._running.clear()

    def _conclude(self) -> None:
        """Hand on the outputs of the best trial. Raises JobFailed if there is none."""
        results = self._results
        if not results.completed():
            raise results.failure()
        leading = results.best()
        if leading is None:
            raise self._no_metric()
        self._services.runs.move(self._own.run, runs.FINALIZING)
        self._log.say("CONTROLLER", f"The best job is '{leading[0]}'")
        run = results.ended[leading[0]]
        for name, target in self._own.node.outputs.items():
            if name in run["outputs"]:
                self._copy(name, run["outputs"][name]["uri"], self._own.outputs[name])
                self._services.runs.add_output(self._own.run, name, uri=self._own.outputs[name], kind=target.type)
                self._services.runs.note_writer(self._own.outputs[name], self._own.run)
        self._log.say("CONTROLLER", "Changing Run Status from Running to Completed")

    def _no_metric(self) -> JobFailed:
        metric = self._sweep.objective.metric
        logged = sorted({one for name in self._results.completed() for one in self._logged(name)})
        return JobFailed(
            f"No child run logged the primary metric '{metric}'. The training script must log it under exactly this "
            f"name, e.g. by mlflow.log_metric('{metric}', value); what it logged: {', '.join(logged) or 'nothing'}."
        )

    def _logged(self, name: str) -> list[str]:
        return self._services.tracking.metrics(self._mlflow[name])

    def _copy(self, name: str, source: str, target: str) -> None:
        context = self._services.context
        try:
            places = [storage.place(context, uri) for uri in (source, target)]
        except ServiceError as error:
            raise JobFailed(f"Output {name}: {error.message}", error.code) from error
        context.blobs.copy(*places, check=self._stop.check)

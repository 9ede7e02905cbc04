"""How a run comes to its end: whatever happens in it, it is left Completed, Failed or Canceled."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from ..errors import ServiceError
from ..store import Value
from . import runs
from .services import Services
from .stopping import JobCanceled, JobFailed

log = logging.getLogger(__name__)


@contextmanager
def ending(services: Services, name: str) -> Iterator[None]:
    """Do a run's work in here: its end is written down as the state of the run, and in MLflow."""
    table = services.runs
    try:
        yield
    except JobCanceled:
        table.move(name, runs.CANCELED)
    except JobFailed as error:
        table.fail(name, error)
    except Exception as error:
        # A defect of the emulator must not leave a run that never ends.
        log.exception("run %s", name)
        table.fail(name, JobFailed(f"the emulator failed at this run: {error!r}", "ServiceError"))
    else:
        table.move(name, runs.COMPLETED)
    run = table.get(name)
    if run is not None and run["mlflow"]:
        tell_mlflow(services, run)


@contextmanager
def beginning(services: Services, name: str) -> Iterator[None]:
    """Prepare a run in here: if that fails, the run has failed, too. Raises JobFailed for what is the user's error."""
    try:
        yield
    except ServiceError as error:
        failure = JobFailed(error.message, error.code)
        _fail(services, name, failure)
        raise failure from error
    except JobFailed as error:
        _fail(services, name, error)
        raise
    except Exception as error:
        _fail(services, name, JobFailed(f"the emulator failed at this run: {error!r}", "ServiceError"))
        raise


def _fail(services: Services, name: str, error: JobFailed) -> None:
    services.runs.fail(name, error)
    run = services.runs.get(name)
    if run is not None:
        tell_mlflow(services, run)


def release(services: Services, name: str) -> None:
    """Take a run that is over off the list of those that can be stopped, and end what waits for it to be canceled."""
    # In this order: whoever cancels it meanwhile either finds it, and ends with it, or not, and ends at once.
    services.stops.pop(name, None)
    services.context.operations.cut_short(f"{services.context.workspace_id}/jobs/{name}")


def tell_mlflow(services: Services, run: Value) -> None:
    """Let MLflow know how a run has ended, and note that it does: a kill may have come before."""
    try:
        services.tracking.end_run(run["mlflow"], run["status"])
    except (JobFailed, httpx.HTTPError):
        log.exception("MLflow was not told that run %s is %s", run["name"], run["status"])
    else:
        services.runs.update(run["name"], told=True)

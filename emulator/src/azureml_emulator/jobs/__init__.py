"""Jobs: everything about running them. The emulator asks for `routes`, calls `start` once, and `stop` when it ends."""

from __future__ import annotations

from starlette.routing import Route

from ..context import Context
from . import history, performing, submission
from . import routes as job_routes
from .files import artifact_routes
from .mlflow import tracking_routes
from .services import Services

_running: dict[Context, Services] = {}


def _services(context: Context) -> Services:
    if context not in _running:
        _running[context] = Services.create(context, performing.execute)
    return _running[context]


def routes(context: Context) -> list[Route]:
    """Jobs, run history, and MLflow."""
    services = _services(context)
    context.operations.on_finish(submission.CANCEL, lambda _: None)
    modules = (job_routes, history, artifact_routes, tracking_routes)
    return [route for module in modules for route in module.routes(services)]


def start(context: Context) -> None:
    """Start MLflow, and mark the jobs that were running when the emulator was last ended. Does not wait for MLflow."""
    services = _services(context)
    services.tracking.start()
    submission.fail_interrupted(services)


def stop(context: Context) -> None:
    """End the running jobs, then MLflow."""
    services = _running.pop(context, None)
    if services is not None:
        submission.interrupt_all(services)
        services.tracking.stop()

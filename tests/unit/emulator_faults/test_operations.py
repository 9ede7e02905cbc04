"""The names that rules may use are those of the emulator's own routes and operations."""

import contextlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from starlette.routing import BaseRoute, Mount, Route

from azureml_emulator import server
from azureml_emulator.app import create_app
from azureml_emulator.context import Context
from azureml_emulator.faults import rules, validation
from azureml_emulator.faults.operations import ALLOCATING, LONG_RUNNING, REQUESTS
from azureml_emulator.settings import load_or_create


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return server.open_context(load_or_create(tmp_path / "state"))


def every_route(routes: Iterable[BaseRoute]) -> Iterator[Route]:
    for route in routes:
        if isinstance(route, Route):
            yield route
        elif isinstance(route, Mount):
            within = route.app
            while not hasattr(within, "routes"):
                within = within._app  # type: ignore[attr-defined]
            yield from every_route(within.routes)
        else:
            yield from every_route(route.app.routes)  # type: ignore[attr-defined]


def test_every_long_running_operation_can_be_stuck(context: Context) -> None:
    create_app(context, contextlib.nullcontext)
    assert set(context.operations._finishers) == set(LONG_RUNNING)
    assert set(ALLOCATING) < set(LONG_RUNNING)


def test_every_named_request_is_one_of_a_route(context: Context) -> None:
    routes = list(every_route(create_app(context, contextlib.nullcontext).routes))
    for name, means in REQUESTS.items():
        rule = validation.read({"fault": "reset", "operation": name}, name="r")
        for meant in means:
            method = rules.Route.parse(meant).method
            paths = [
                re.sub(r"\{[^}]*\}", "x", route.path)
                for route in routes
                if not route.path.endswith("{path:path}") and (method == "*" or method in (route.methods or ()))
            ]
            matched = [path for path in paths if rule.means_request("GET" if method == "*" else method, path)]
            assert matched, f"{name}: no route is {meant}"

"""The table of operations is read from the routes."""

import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Host, Mount, Route, Router

from azureml_emulator import coverage
from azureml_emulator.coverage import Row
from azureml_emulator.routing import Operation, Unimplemented


async def endpoint(_: Request) -> Response:
    return Response()


ROUTES = [
    Host("a.example", Router([Operation("/token", endpoint, "Token_Get", methods=["POST"])])),
    Host("b.example", Router([Operation("/token", endpoint, "Token_Get", methods=["POST"])])),
    Mount(
        "/below",
        Router(
            [
                Operation("/things", endpoint, "Things_List", missing="what is rare"),
                Unimplemented("/things/{name}", "Things_Delete", methods=["DELETE"]),
                Route("/other/{rest:path}", endpoint, methods=["GET", "PUT"]),
                Route("/{path:path}", endpoint),
            ]
        ),
    ),
]


def test_routes_become_rows() -> None:
    assert coverage.collect(ROUTES) == [
        Row("Things_List", "GET", "/below/things", "partial", "what is rare"),
        Row("Things_Delete", "DELETE", "/below/things/{name}", "501"),
        Row("Token_Get", "POST", "/token", "implemented"),
        Row("", "GET, PUT", "/below/other/{rest:path}", "implemented"),
    ]


def test_rows_become_markdown_and_json() -> None:
    rows = coverage.collect(ROUTES)
    assert coverage.as_markdown(rows).splitlines() == [
        "4 operations: 2 implemented, 1 partial, 1 501.",
        "",
        "| Operation | Request | Status |",
        "|---|---|---|",
        "| Things_List | `GET /below/things` | partial: without what is rare |",
        "| Things_Delete | `DELETE /below/things/{name}` | 501 |",
        "| Token_Get | `POST /token` | implemented |",
        "|  | `GET, PUT /below/other/{rest}` | implemented |",
    ]
    assert json.loads(coverage.as_json(rows))[0]["missing"] == "what is rare"
    assert coverage.as_table(rows).row_count == 4


def test_the_emulators_own_table_names_what_it_has_and_has_not() -> None:
    status = {row.operation: row.status for row in coverage.rows()}
    assert status["Compute_Start"] == "implemented"
    assert status["Datastores_CreateOrUpdate"] == "partial"
    assert status["OnlineEndpoints_CreateOrUpdate"] == "501"
    assert status["Schedules_List"] == "501"

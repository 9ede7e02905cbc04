import asyncio

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message

from azureml_emulator.route_index import RouteIndex

WORKSPACE = "/subscriptions/{s}/providers/P/workspaces/{w}"
TEMPLATES = [
    "/",
    "/health",
    "/{tenant}/keys",
    WORKSPACE,
    f"{WORKSPACE}/jobs",
    f"{WORKSPACE}/jobs/{{name}}",
    f"{WORKSPACE}/models/{{name}}",
    f"{WORKSPACE}/{{kind}}/{{name}}/tags",
    f"/history{WORKSPACE}/runs/{{run}}",
    f"/mlflow{WORKSPACE}{{rest:path}}",
    "/subscriptions/{s}/providers/P/{kind}/{name}/any",
    "/files/{path:path}",
    "/{path:path}",
]


def answered(path: str) -> str:
    """The template of the route that answers."""

    def route(template: str) -> Route:
        async def answer(request: Request) -> Response:
            return PlainTextResponse(template)

        return Route(template, answer)

    told: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        told.append(message.get("body", b""))

    index = RouteIndex([route(template) for template in TEMPLATES])
    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
    asyncio.run(index(scope, receive, send))
    return b"".join(told).decode()


def test_the_first_route_that_matches_answers_as_without_an_index() -> None:
    workspace = "/subscriptions/1/providers/P/workspaces/w"
    expected = {
        "/": "/",
        "/health": "/health",
        "/me/keys": "/{tenant}/keys",
        workspace: WORKSPACE,
        f"{workspace}/jobs": f"{WORKSPACE}/jobs",
        f"{workspace}/jobs/one": f"{WORKSPACE}/jobs/{{name}}",
        f"{workspace}/jobs/one/tags": f"{WORKSPACE}/{{kind}}/{{name}}/tags",
        f"{workspace}/jobs/one/two": "/{path:path}",
        f"{workspace}/any": "/subscriptions/{s}/providers/P/{kind}/{name}/any",
        f"/history{workspace}/runs/r": f"/history{WORKSPACE}/runs/{{run}}",
        f"/history{workspace}/jobs/r": "/{path:path}",
        f"/mlflow{workspace}/api/2.0/x": f"/mlflow{WORKSPACE}{{rest:path}}",
        "/files/a/b/workspaces/c": "/files/{path:path}",
        "/other": "/{path:path}",
        "/workspaces": "/{path:path}",
    }
    assert {path: answered(path) for path in expected} == expected

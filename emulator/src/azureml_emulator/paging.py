"""Lists in pages, as ARM has them: `$top` is a page's size, `$skip` the token in the link to the next one.

https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md (collections)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from .errors import bad_request

PAGE_SIZE = 100
"""How many resources an answer holds when the client names no number."""


def bounds(request: Request) -> tuple[int, int]:
    """First and last + 1 of the page that is asked for. Raises ServiceError (400) for what is not a number."""
    first, size = _number(request, "$skip", 0), _number(request, "$top", PAGE_SIZE)
    return first, first + min(size or PAGE_SIZE, PAGE_SIZE)


def answer(request: Request, page: Sequence[dict[str, Any]], *, following: int | None) -> JSONResponse:
    """The page, and the link to the one that begins at number `following`, unless that is None."""
    body: dict[str, Any] = {"value": list(page)}
    if following is not None:
        body["nextLink"] = str(request.url.include_query_params(**{"$skip": following}))
    return JSONResponse(body)


def paged(request: Request, items: Sequence[dict[str, Any]]) -> JSONResponse:
    """The page of `items` that is asked for. Raises ServiceError (400)."""
    first, last = bounds(request)
    return answer(request, items[first:last], following=last if last < len(items) else None)


def _number(request: Request, name: str, default: int) -> int:
    given = request.query_params.get(name)
    if given is None:
        return default
    # Only ASCII digits, and not more of them than any list is long: int() takes others, and is slow for many.
    if not (given.isascii() and given.isdigit() and len(given) < 10):  # noqa: PLR2004
        raise bad_request(f"{name} is '{given}' and not a number", "ValidationError")
    return int(given)

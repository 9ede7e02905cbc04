"""What requests to MLflow's model registry say, and what answers to them are made of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from ....errors import ServiceError

Body = Mapping[str, Any]
Answer = dict[str, Any]

_MOST = 1000
_STAGES = ("None", "Staging", "Production", "Archived")


def refused(status: int, code: str, message: str) -> ServiceError:
    """An error with one of MLflow's own codes."""
    return ServiceError(status, code, message)


def missing(what: str) -> ServiceError:
    """The error for what is not there."""
    return refused(404, "RESOURCE_DOES_NOT_EXIST", f"{what} not found")


def invalid(message: str) -> ServiceError:
    """The error for what makes no sense."""
    return refused(400, "INVALID_PARAMETER_VALUE", message)


def text(body: Body, field: str) -> str:
    """A field that has to be there. Raises ServiceError (400)."""
    value = body.get(field)
    if not isinstance(value, str) or not value:
        raise invalid(f"Missing value for required parameter '{field}'.")
    return value


def optional(body: Body, field: str) -> str | None:
    """A field, or None if it is not given. Raises ServiceError (400) if it is no text."""
    return text(body, field) if body.get(field) not in (None, "") else None


def stage(version: Answer) -> str:
    """A version's stage: None, Staging, Production or Archived."""
    return str(version["properties"].get("stage") or _STAGES[0])


def stage_called(name: str) -> str:
    """The stage of that name, whatever its case. Raises ServiceError (400) if there is none."""
    stage = {one.lower(): one for one in _STAGES}.get(name.lower())
    if stage is None:
        raise invalid(f"Invalid Model Version stage: {name}. Value must be one of {', '.join(_STAGES)}.")
    return stage


def tags(body: Body) -> dict[str, str]:
    """The request's tags. Raises ServiceError (400) if they are none."""
    listed = body.get("tags") or []
    if not isinstance(listed, list) or not all(isinstance(tag, dict) and "key" in tag for tag in listed):
        raise invalid("Invalid value for parameter 'tags'.")
    return {str(tag["key"]): str(tag.get("value", "")) for tag in listed}


def listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as MLflow lists them."""
    return [{"key": key, "value": value} for key, value in tags.items()]


def page(body: Body, field: str, found: list[Answer]) -> Answer:
    """The page of what was found that the request asks for. Raises ServiceError (400)."""
    try:
        first, size = int(body.get("page_token") or 0), int(body.get("max_results") or _MOST)
    except (TypeError, ValueError) as error:
        raise invalid("page_token or max_results is not a number") from error
    if first < 0 or size < 1:
        raise invalid("page_token or max_results is out of range")
    last = first + min(size, _MOST)
    more = {"next_page_token": str(last)} if last < len(found) else {}
    return {field: found[first:last], **more}


def milliseconds(stamp: str) -> int:
    """A time stamp as MLflow tells it, in milliseconds since 1970."""
    return int(dt.datetime.fromisoformat(stamp).timestamp() * 1000)

"""Turns values into HTML: templates that escape all they are given, and how times, sizes and states are written."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import jinja2
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from . import states

NONE = "\N{EN DASH}"
"""What stands for no value."""

_KILO = 1024
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SIGNIFICANT_DIGITS = 5


def moment(text: str | None) -> dt.datetime | None:
    """A time as Azure writes it; None for none."""
    return dt.datetime.fromisoformat(text) if text else None


def seconds_between(start: str | None, end: str | None) -> float | None:
    """The seconds from one time to the other, to now if there is no end; None if there is no start."""
    began = moment(start)
    return None if began is None else ((moment(end) or dt.datetime.now(dt.UTC)) - began).total_seconds()


def duration(seconds: float | None) -> str:
    """Seconds for a person: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`, `3 d 4 h`; a dash for None."""
    if seconds is None:
        return NONE
    if seconds < 10:  # noqa: PLR2004 - below it a tenth matters
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def size(count: int | None) -> str:
    """Bytes for a person: `512 B`, `1.5 KiB`, `3.2 MiB`; a dash for None."""
    if count is None:
        return NONE
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= _KILO and len(units) > 1:
        value, units = value / _KILO, units[1:]
    return f"{count} B" if units[0] == "B" else f"{value:.1f} {units[0]}"


def number(value: float) -> str:
    """A metric's value, to five significant digits; whole ones in full."""
    if value == int(value) if value - value == 0 else False:
        return str(int(value)) if abs(value) < 10**15 else f"{value:.{_SIGNIFICANT_DIGITS}g}"
    return f"{value:.{_SIGNIFICANT_DIGITS}g}"


def when(text: str | None) -> Markup:
    """A time as an HTML element: how long ago, with the time itself to hover over."""
    at = moment(text)
    if at is None:
        return Markup('<span class="quiet">{}</span>').format(NONE)
    ago = (dt.datetime.now(dt.UTC) - at).total_seconds()
    if ago < _MINUTE:
        told = "just now"
    elif ago < _HOUR:
        told = f"{int(ago // _MINUTE)} min ago"
    elif ago < _DAY:
        told = f"{int(ago // _HOUR)} h ago"
    else:
        told = f"{at:%Y-%m-%d}"
    stamp = f"{at:%Y-%m-%d %H:%M:%S} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(), stamp, told)


def url(*segments: str, **query: str | int | None) -> str:
    """A path of this page, each segment and each part of the query escaped; what is None is left out."""
    path = "/" + "/".join(quote(segment, safe="") for segment in segments)
    given = {key: value for key, value in query.items() if value not in {None, ""}}
    return f"{path}?{urlencode(given)}" if given else path


def _type_of(properties: Mapping[str, Any]) -> str:
    """The type of an asset, whatever it is; empty if it says none."""
    spec = properties.get("componentSpec") or {}
    named = (properties.get(key) for key in ("modelType", "dataType", "environmentType"))
    return str(next((one for one in named if one), spec.get("type") or ""))


def _within(path: str, address: str) -> bool:
    """Whether a path belongs to an entry of the navigation; to the first, the jobs, belong their pages."""
    below = ("/jobs/", "/compare") if address == "/" else (f"{address}/",)
    return path == address or path.startswith(below)


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        duration=duration,
        size=size,
        number=number,
        brief=lambda value: number(value) if isinstance(value, float) else str(value),
        when=when,
        pretty=lambda value: json.dumps(value, indent=2, ensure_ascii=False),
        tone=states.tone,
        called=states.called,
        kind=states.kind,
        title=states.title,
        type_of=_type_of,
    )
    made.tests.update(within=_within)
    made.globals.update(url=url, seconds_between=seconds_between)
    return made


class Renderer:
    """The templates, with what all of them show: where they belong to, and whose page it is."""

    def __init__(self, shown: Mapping[str, Any]) -> None:
        self._environment = _environment()
        self._environment.globals.update(shown)

    def page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """The template's page. A script on it fetches the same address again, to keep it up to date."""
        content = self._environment.get_template(template).render(request=request, **values)
        return HTMLResponse(content, status)

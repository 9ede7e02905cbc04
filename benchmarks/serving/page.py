"""The page of the documentation: what was asked, all contenders side by side, how each was set up, two pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..report import machine
from . import runtimes
from .contenders import ALL, PLAIN
from .figures import WANTED, Figures
from .rounds import CONNECTIONS, ROUNDS, SECONDS

_HEAD = """# Serving, side by side

Written by `make bench TOPIC=serving` on {machine}.
The same model for all: the plain CNN of the training's benchmark,
{parameters} parameters, with random weights, which are as fast as trained ones. The same photos for all, as a browser
sends them in a form: {photos}. Load: wrk {wrk} on the same cores, a closed loop; at most {generator:.0f} % of one
core was its own. {rounds} rounds of {seconds:g} s for each number of connections, every server started anew in each;
medians of the rounds, p99.9 of all rounds together. The *limit* is the service's own decoder and model in as many
processes as cores and with no HTTP.
"""

_OVERLOAD = """An open loop by vegeta {vegeta}: requests come at a fixed rate, whether or not those before are answered.
At 70 % of the peak, {rps_offered_at_70_percent:.0f} a second, the service's p50 is {p50_ms_at_70_percent:.1f} ms, its
p99 {p99_ms_at_70_percent:.1f} ms; one request alone takes {ms_of_one_request_alone:.1f} ms.

Then ten times the peak for 10 s (`make soak TOPIC=serving` does it for 60 s), of which the generator could send
{overload_times_peak_offered:.1f} times from the same cores: {overload_requests:,} requests.
{overload_answered_200:,} were answered 200,
{overload_answered_503:,} were answered 503, {overload_errors_but_503:,} otherwise or not at all. PSS was
{overload_pss_mb_before:.0f} MB under a load that it can just serve, {overload_pss_mb_most:.0f} MB at most meanwhile and
{overload_pss_mb_after:.0f} MB afterwards. A request alone was answered in normal time
{overload_seconds_to_normal:.2f} s after the last of the load."""


def text(found: Figures, versions: Mapping[str, str], *, photos: str) -> str:
    """The page, in Markdown."""
    head = _HEAD.format(
        machine=machine(),
        parameters=f"{found['model_parameters']:,}",
        photos=photos,
        wrk=versions["wrk"],
        generator=found["load_generator_most_percent_of_a_core"],
        rounds=ROUNDS,
        seconds=SECONDS,
    )
    parts = [
        *("## What is asked of the service", _asked(found)),
        *("## Requests a second", _rates(found)),
        _picture(found, "rps", "Requests a second at 32 connections"),
        *("## Milliseconds until the answer", "p50 / p99 / p99.9, by connections.", _latencies(found)),
        _picture(found, "p99_ms", "p99 in ms at 32 connections", without=PLAIN.key),
        *("## Memory, start, size", _resources(found)),
        *("## Under more than it can serve", _overload(found, versions)),
        *("## ONNX Runtime or LiteRT", runtimes.text(found)),
        *("## How each was set up", _set_up(versions)),
    ]
    return "\n\n".join([head.rstrip(), *parts]) + "\n"


def _table(columns: list[str], rows: Iterator[list[str]]) -> str:
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _asked(found: Figures) -> str:
    def rows() -> Iterator[list[str]]:
        for wanted in WANTED:
            value = found.get(wanted.key)
            bound = f"{'at most' if wanted.at_most else 'at least'} {wanted.bound:g}"
            if isinstance(value, int | float):
                yield [wanted.what, f"{value:.3g}", bound, "yes" if wanted.met(value) else "**no**"]
            else:
                yield [wanted.what, "not measured", bound, "**no**"]

    return _table(["Figure", "Measured", "Wanted", "Met"], rows())


def _by_connections() -> list[str]:
    return [f"{number} connection{'s' if number > 1 else ''}" for number in CONNECTIONS]


def _rates(found: Figures) -> str:
    def rows() -> Iterator[list[str]]:
        for one in ALL:
            yield [one.name, *(f"{found[f'{one.key}_rps_{number}']:.1f}" for number in CONNECTIONS)]
        yield ["the limit, no HTTP", *([f"{found['limit_photos_per_second']:.1f}"] * len(CONNECTIONS))]

    return _table(["", *_by_connections()], rows())


def _latencies(found: Figures) -> str:
    def cell(key: str, number: int) -> str:
        return " / ".join(f"{found[f'{key}_{name}_ms_{number}']:.1f}" for name in ("p50", "p99", "p999"))

    return _table(
        ["", *_by_connections()], ([one.name, *(cell(one.key, number) for number in CONNECTIONS)] for one in ALL)
    )


def _resources(found: Figures) -> str:
    def rows() -> Iterator[list[str]]:
        for one in ALL:
            errors = sum(int(found[f"{one.key}_errors_{number}"]) for number in CONNECTIONS)
            yield [
                one.name,
                f"{found[f'{one.key}_pss_mb']:.0f}",
                f"{found[f'{one.key}_seconds_to_ready']:.2f}",
                f"{found[f'{one.key}_seconds_to_first_prediction']:.2f}",
                f"{found[f'{one.key}_installed_mb']:.0f}",
                str(errors),
            ]

    columns = [
        *("", "PSS of all processes at 32 connections, MB", "seconds to ready", "to the first prediction"),
        *("installed Python packages, MB", "errors of all rounds"),
    ]
    return _table(columns, rows())


def _overload(found: Figures, versions: Mapping[str, str]) -> str:
    return _OVERLOAD.format_map({**found, "vegeta": versions["vegeta"]})


def _set_up(versions: Mapping[str, str]) -> str:
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    rows = ([one.name, one.how] for one in ALL)
    return f"{_table(['', 'Set up'], rows)}\n\nVersions: {named}."


def _picture(found: Figures, figure: str, title: str, without: str = "") -> str:
    shown = [one for one in ALL if one.key != without]
    values = [float(found[f"{one.key}_{figure}_32"]) for one in shown]
    names = ", ".join(f'"{one.name}"' for one in shown)
    if figure == "rps":
        names, values = f'{names}, "the limit"', [*values, float(found["limit_photos_per_second"])]
    bars = ", ".join(f"{value:.0f}" for value in values)
    return f'```mermaid\nxychart-beta\n    title "{title}"\n    x-axis [{names}]\n    bar [{bars}]\n```'

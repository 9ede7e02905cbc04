"""How times, sizes and numbers are written, and that nothing that is shown can be HTML."""

from __future__ import annotations

import pytest

from azureml_emulator.pages.rendering import Renderer, duration, number, size, url, when


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, "\N{EN DASH}"), (-1, "0.0 s"), (0.44, "0.4 s"), (12.4, "12 s"), (59.6, "1 min 00 s"),
        (185, "3 min 05 s"), (7800, "2 h 10 min"), (273600, "3 d 4 h"),
    ],
)  # fmt: skip
def test_durations(seconds: float | None, told: str) -> None:
    assert duration(seconds) == told


@pytest.mark.parametrize(
    ("count", "told"), [(None, "\N{EN DASH}"), (0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 50, "3072.0 TiB")]
)
def test_sizes(count: int | None, told: str) -> None:
    assert size(count) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (3.0, "3"),
        (0.123456789, "0.12346"),
        (1e20, "1e+20"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (-0.0, "0"),
    ],
)
def test_numbers(value: float, told: str) -> None:
    assert number(value) == told


def test_a_time_says_which_it_is() -> None:
    assert 'title="2024-05-01 12:00:00 UTC">2024-05-01</time>' in when("2024-05-01T12:00:00.000000Z")
    assert "<time" not in when(None)


def test_addresses_hold_any_name() -> None:
    assert (
        url("files", "a/../b", path="x y&z=#?", after=0, following=None)
        == "/files/a%2F..%2Fb?path=x+y%26z%3D%23%3F&after=0"
    )


def test_templates_escape_what_they_are_given() -> None:
    made = Renderer({})._environment.from_string("<a title='{{ x }}'>{{ x }}</a>")
    assert made.render(x="<script>'\"&") == "<a title='&lt;script&gt;&#39;&#34;&amp;'>&lt;script&gt;&#39;&#34;&amp;</a>"

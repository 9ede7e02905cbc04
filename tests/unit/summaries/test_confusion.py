"""Confusion matrices: what is one, and the picture of it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mlops_actions.summaries.confusion import ConfusionMatrix, parse, picture
from tests.hostile_texts import HOSTILE

DOCUMENT: dict[str, Any] = {
    "schema_type": "confusion_matrix",
    "schema_version": "1.0.0",
    "data": {"class_labels": ["cats", "dogs"], "matrix": [[7, 1], [0, 0.5]]},
}
CELL = r'(?:corner|c\d+|r\d+|x\d+y\d+)\["(?:[^\W_]| |↓|→|\.|e\+|#\d+;)+"\]'
LINE = re.compile(
    rf"block-beta|    columns \d+|    {CELL}(?: {CELL})+|    classDef [a-z]+\d? fill:#\w+,stroke:#\w+,color:#\w+"
    r"|    class (?:corner|[crxy\d]+)(?:,[crxy\d]+)* [a-z]+\d?"
)


def changed(**data: Any) -> dict[str, Any]:
    return DOCUMENT | {"data": DOCUMENT["data"] | data}


def test_azures_format() -> None:
    assert parse(DOCUMENT) == ConfusionMatrix(("cats", "dogs"), ((7.0, 1.0), (0.0, 0.5)))
    assert parse(changed(class_labels=[0, 1])) == ConfusionMatrix(("0", "1"), ((7.0, 1.0), (0.0, 0.5)))


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        DOCUMENT | {"schema_type": "accuracy_table"},
        DOCUMENT | {"data": []},
        changed(matrix=[[1, 2]]),
        changed(matrix=[[1, 2], [3]]),
        changed(matrix=[[1, 2], [3, "4"]]),
        changed(matrix=[[1, 2], [3, True]]),
        changed(matrix=[[1, 2], [3, float("nan")]]),
        changed(matrix=[[1, 2], [3, -1]]),
        changed(matrix=[1, 2]),
        changed(class_labels=["one"], matrix=[[1]]),
        changed(class_labels="ab"),
    ],
)
def test_what_is_none(document: object) -> None:
    assert parse(document) is None


def test_the_picture() -> None:
    lines = picture(ConfusionMatrix(("cats", "dogs"), ((3, 1), (0, 12345678)))).splitlines()
    assert lines[:6] == [
        "```mermaid",
        "block-beta",
        "    columns 3",
        '    corner["actual ↓ answered →"] c0["cats"] c1["dogs"]',
        '    r0["cats"] x0y0["3"] x0y1["1"]',
        '    r1["dogs"] x1y0["0"] x1y1["1.23457e+07"]',
    ]
    assert {line for line in lines if line.startswith("    class ")} == {
        "    class corner,c0,c1,r0,r1 heading",
        "    class x0y0 right3",
        "    class x0y1 wrong1",
        "    class x1y0 wrong0",
        "    class x1y1 right4",
    }


@pytest.mark.parametrize("name", HOSTILE.values())
def test_no_label_is_more_than_that(name: str) -> None:
    first, *lines, last = picture(ConfusionMatrix((name, "x"), ((1, 2), (0, 0)))).splitlines()
    assert (first, last) == ("```mermaid", "```")
    for line in lines:
        assert LINE.fullmatch(line.replace('[""]', '["x"]')), line


def test_a_large_one_is_told_by_its_largest_errors() -> None:
    names = tuple(f"label|{number}" for number in range(30))
    rows = tuple(tuple(float(r * c % 7 + (100 if r == c else 0)) for c in range(30)) for r in range(30))
    told = picture(ConfusionMatrix(names, rows)).splitlines()
    assert told[0] == "30 labels are more than are drawn: the 20 largest errors"
    assert len(told) == 24
    assert told[4].startswith(r"| label\|9 | label\|3 | 6 |") or " | 6 |" in told[4]
    none = tuple(tuple(float(r == c) for c in range(30)) for r in range(30))
    assert picture(ConfusionMatrix(names, none)).endswith("| none | | |")

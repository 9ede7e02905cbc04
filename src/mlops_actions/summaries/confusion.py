"""A confusion matrix as a picture: a row for each label, a column for each answer, coloured by their share of the row.

Mermaid has no heat map. Its block diagram (`block-beta`) makes the same picture out of coloured cells, and is drawn by
every version that GitHub has had since it came (10.9). A table would be drawn as surely, but its cells cannot be
coloured, because GitHub takes all styles away; so larger matrices, whose cells would be too many, are told by their
largest errors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlops_actions.markdown import table_cell
from mlops_actions.summaries.mermaid import fenced, label

SCHEMA_TYPE = "confusion_matrix"
"""By this Azure ML knows the JSON of a confusion matrix, of SDK v1's log_confusion_matrix as of MLflow's log_dict:
https://learn.microsoft.com/azure/machine-learning/reference-migrate-sdk-v1-mlflow-tracking"""

MOST_LABELS = 12
_MOST_ERRORS = 20
_LONGEST = 16
_MOST_READ = 1000

_RIGHT = ("#ffffff", "#dafbe1", "#aceebb", "#4ac26b", "#1a7f37")
_WRONG = ("#ffffff", "#ffebe9", "#ffcecb", "#ff8182", "#cf222e")
_DARK = 4
"""From this shade on the number is white."""


@dataclass(frozen=True)
class ConfusionMatrix:
    """How often each label (row) got each answer (column)."""

    labels: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]


def parse(document: object) -> ConfusionMatrix | None:
    """The matrix in Azure ML's JSON; None if it is none: not square, not of numbers, or of something else."""
    if not isinstance(document, Mapping) or document.get("schema_type") != SCHEMA_TYPE:
        return None
    data = document.get("data")
    labels = data.get("class_labels") if isinstance(data, Mapping) else None
    rows = data.get("matrix") if isinstance(data, Mapping) else None
    if not isinstance(labels, list) or not isinstance(rows, list) or not 1 < len(labels) <= _MOST_READ:
        return None
    if len(rows) != len(labels) or any(not isinstance(row, list) or len(row) != len(labels) for row in rows):
        return None
    if not all(_is_count(value) for row in rows for value in row):
        return None
    return ConfusionMatrix(tuple(map(str, labels)), tuple(tuple(map(float, row)) for row in rows))


def _is_count(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return math.isfinite(value) and value >= 0


def picture(matrix: ConfusionMatrix) -> str:
    """The matrix as Markdown."""
    return _diagram(matrix) if len(matrix.labels) <= MOST_LABELS else _largest_errors(matrix)


def _diagram(matrix: ConfusionMatrix) -> str:
    names = [label(name, _LONGEST) for name in matrix.labels]
    lines = ["block-beta", f"    columns {len(names) + 1}"]
    lines.append(
        "    " + " ".join(['corner["actual ↓ answered →"]', *(f'c{n}["{name}"]' for n, name in enumerate(names))])
    )
    shades: dict[str, list[str]] = {"heading": ["corner", *(f"c{n}" for n in range(len(names)))]}
    for r, row in enumerate(matrix.rows):
        cells = [f'x{r}y{c}["{value:g}"]' for c, value in enumerate(row)]
        lines.append("    " + " ".join([f'r{r}["{names[r]}"]', *cells]))
        shades["heading"].append(f"r{r}")
        for c, value in enumerate(row):
            shades.setdefault(_shade(value, row, right=r == c), []).append(f"x{r}y{c}")
    for name, members in shades.items():
        lines += [f"    classDef {name} {_style(name)}", f"    class {','.join(members)} {name}"]
    return fenced(lines)


def _shade(value: float, row: Sequence[float], *, right: bool) -> str:
    share = value / total if (total := sum(row)) else 0.0
    return f"{'right' if right else 'wrong'}{math.ceil(share * (len(_RIGHT) - 1))}"


def _style(name: str) -> str:
    if name == "heading":
        return "fill:#f6f8fa,stroke:#d0d7de,color:#24292f"
    shade = int(name[-1])
    fill = (_RIGHT if name.startswith("right") else _WRONG)[shade]
    return f"fill:{fill},stroke:#d0d7de,color:{'#ffffff' if shade >= _DARK else '#24292f'}"


def _largest_errors(matrix: ConfusionMatrix) -> str:
    errors = sorted(_errors(matrix), reverse=True)
    rows = [
        f"| {table_cell(actual)} | {table_cell(answer)} | {count:g} |"
        for count, actual, answer in errors[:_MOST_ERRORS]
    ]
    note = f"{len(matrix.labels)} labels are more than are drawn: the {len(rows)} largest errors"
    return "\n".join([note, "", "| Actual | Answered | |", "|---|---|---|", *(rows or ["| none | | |"])])


def _errors(matrix: ConfusionMatrix) -> Iterator[tuple[float, str, str]]:
    for r, row in enumerate(matrix.rows):
        for c, count in enumerate(row):
            if r != c and count:
                yield count, matrix.labels[r], matrix.labels[c]

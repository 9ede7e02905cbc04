"""What summaries have as Mermaid, Mermaid draws; and it shows hostile names as they are."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import pytest

from mlops_actions.summaries.confusion import ConfusionMatrix, picture
from mlops_actions.summaries.curves import Curve, curves
from mlops_actions.summaries.flowchart import GraphNode, flowchart
from mlops_actions.summaries.mermaid import label
from tests.hostile_texts import HOSTILE

from .conftest import Drawn, Mermaid

NAMES = [
    'a"]; click x href "javascript:window.forged=true"',
    "<img src=x onerror='window.forged=true'>",
    "<script>window.forged = true</script>",
    "%%{init: {'securityLevel': 'loose'}}%%",
    "a --> b",
    "end",
    "subgraph",
    "1. list",
    "- list",
    "# heading",
    "style:#fff;",
    "#35;#quot;",
    "ümläut 熊猫",
    "$$x^2$$",
    "~~x~~ ![y](z) [l](https://m.example) www.example.org a@b.example \\* <https://n.example>",
]


def shown(drawn: Drawn) -> str:
    """The texts, without what depends on the room that there was for them."""
    assert "Unsupported markdown" not in drawn.texts
    assert "Syntax error" not in drawn.texts
    root = ET.fromstring(drawn.svg.replace("&nbsp;", " ").replace("<br>", "<br/>"))  # noqa: S314 - Mermaid's own
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert not names & {"script", "img", "a", "iframe", "image"}
    assert not any(name.startswith("on") for element in root.iter() for name in element.attrib)
    return "".join(drawn.texts.split())


def squeezed(name: str) -> str:
    """As it is shown: some characters as their doubles."""
    return "".join(re.sub(r"#(\d+);", lambda code: chr(int(code[1])), label(name, 1000)).split())


def test_a_graph(mermaid: Mermaid) -> None:
    inside = (GraphNode("fit", "Failed"), GraphNode("test", needs=("fit",)))
    nodes = [
        *(GraphNode(name, "Completed", needs=(NAMES[number - 1],)) for number, name in enumerate(NAMES)),
        GraphNode("reused", "Completed", reused=True),
        GraphNode("outer", "Failed", needs=(NAMES[0], "reused"), inside=inside),
        GraphNode("last", "Running", needs=("outer",)),
    ]
    drawn = mermaid.draw(flowchart(nodes))
    texts = shown(drawn)
    for name in NAMES:
        assert squeezed(name)[:40] in texts
    for told in ("✗outer:Failed", "✗fitFailed", "○testnotbegun", "↻reusedCompleted,reused", "▶lastRunning"):
        assert told in texts
    assert drawn.svg.count("flowchart-link") >= len(NAMES) + 4
    assert not mermaid.has_run()


def test_a_graph_as_large_as_it_gets(mermaid: Mermaid) -> None:
    names = [f"a_rather_long_name_of_a_node_{number}" for number in range(160)]
    nodes = [
        GraphNode(
            name, "Completed", needs=tuple(names[max(number - 4, 0) : number]), inside=(GraphNode(name),) * (number % 2)
        )
        for number, name in enumerate(names)
    ]
    assert "a_rather_long_name_of_a_node_9" in shown(mermaid.draw(flowchart(nodes)))


def test_curves(mermaid: Mermaid) -> None:
    curve = [Curve(name, tuple((step, math.exp(-step / 9)) for step in range(1, 12))) for name in ("loss", "val_loss")]
    (chart,) = curves(curve)
    drawn = mermaid.draw(chart)
    assert shown(drawn).startswith("loss123")
    assert all(colour in drawn.svg for colour in ("#0969da", "#e16f24"))  # the legend's
    lines = [element for element in drawn.svg.split("<path")[1:] if "line-plot" in drawn.svg]
    assert any(part.count("L") >= 10 for part in lines)


@pytest.mark.parametrize(
    "points",
    [
        ((1, 1e-9), (2, 3e-9), (900, -1e-9)),
        ((0, 5.0), (1, 5.0)),
        ((1, -1e300), (2, 1e300)),
        tuple((step, math.sin(step / 30)) for step in range(500)),
    ],
)
def test_curves_of_all_sizes(mermaid: Mermaid, points: tuple[tuple[int, float], ...]) -> None:
    (chart,) = curves([Curve("x", points)])
    drawn = mermaid.draw(chart)
    assert "NaN" not in drawn.svg
    shown(drawn)


def test_names_of_curves(mermaid: Mermaid) -> None:
    for name in NAMES:
        (chart,) = curves([Curve(name, ((1, 1.0), (2, 2.0)))])
        assert squeezed(name)[:40] in shown(mermaid.draw(chart))
    assert not mermaid.has_run()


def test_a_confusion_matrix(mermaid: Mermaid) -> None:
    drawn = mermaid.draw(picture(ConfusionMatrix(("cats", "dogs", "pandas"), ((7, 1, 0), (2, 6, 0), (0, 0, 8)))))
    assert shown(drawn) == "actual↓answered→catsdogspandascats710dogs260pandas008"
    for colour in ("#1a7f37", "#4ac26b", "#ffebe9"):  # 7 and 8 of 8, 6 of 8, the errors
        assert colour in drawn.svg
    labels = tuple(NAMES[:12])
    rows = tuple(tuple(float(r * c) for c in range(12)) for r in range(12))
    texts = shown(mermaid.draw(picture(ConfusionMatrix(labels, rows))))
    for name in labels:
        assert squeezed(name)[:10] in texts
    assert not mermaid.has_run()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(mermaid: Mermaid, name: str) -> None:
    text = HOSTILE[name]
    shown(mermaid.draw(flowchart([GraphNode(text, text, inside=(GraphNode(text, "Failed"),)), GraphNode("x")])))
    (chart,) = curves([Curve(text, ((1, 1.0), (2, 2.0)))])
    shown(mermaid.draw(chart))
    shown(mermaid.draw(picture(ConfusionMatrix((text, "x"), ((1, 2), (3, 4))))))

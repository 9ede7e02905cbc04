"""The pipeline's graph: what is drawn, how it is escaped, and what is left out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.aml.graph import graph
from mlops_actions.aml.job import Node
from mlops_actions.summaries.flowchart import MOST_EDGES, MOST_NODES, GraphNode, flowchart
from mlops_actions.summaries.mermaid import fenced, label
from tests.hostile_texts import HOSTILE

# All that a line of a flowchart of ours may be: whatever the names are, there is nothing else in it.
NODE = r'n[\d_]+\["[✓↻▶✗■○] (?:\w| |#\d+;)*<br>(?:\w| |#\d+;)*"\]'
BOX = r'subgraph n[\d_]+\["[✓↻▶✗■○] (?:\w| |#\d+;)*: (?:\w| |#\d+;)*"\]'
OTHERS = r"end|n[\d_]+ --> n[\d_]+|classDef [a-z]+ [\w:#,\- ]+|class [n\d_,]+ [a-z]+|style n[\d_]+ [\w:#,]+"
LINE = re.compile(rf"\s*(?:{NODE}|{BOX}|{OTHERS})")

NAMES = [
    'a"]; click x href "javascript:alert(1)"',
    "`code`\n```\n# heading",
    "%%{init: {'theme': 'dark'}}%%",
    "--> end",
    "1. list",
    "<img src=x onerror=alert(1)>",
    "熊猫 🐼 ümläut",
    "\u202egnol\u200b\x00\x1b[31m",
    "#quot;#35;",
    "x" * 5000,
    "",
]


def lines_of(diagram: str) -> list[str]:
    first, second, *lines = diagram.splitlines()
    assert (first, second) == ("```mermaid", "flowchart TD")
    end = lines.index("```")
    return lines[:end]


@pytest.mark.parametrize("name", [*NAMES, *HOSTILE.values()])
def test_no_name_is_more_than_a_label(name: str) -> None:
    nodes = [GraphNode(name, "Completed", needs=("b",), inside=(GraphNode(name),)), GraphNode("b", name, needs=(name,))]
    for line in lines_of(flowchart(nodes)):
        assert LINE.fullmatch(line), line
        assert len(line) < 1000


@given(st.text(max_size=100))
def test_a_label_has_nothing_that_means_anything(text: str) -> None:
    escaped = label(text)
    assert re.fullmatch(r"(?:#\d+;|[^\W_]| )*", escaped), escaped
    shown = re.sub(r"#(\d+);", lambda code: chr(int(code[1])), escaped)
    assert len(shown) <= 60
    assert shown.isprintable()


def test_states_edges_and_boxes() -> None:
    drawn = flowchart(
        [
            GraphNode("prep", "Completed", reused=True),
            GraphNode(
                "outer", "Failed", needs=("prep",), inside=(GraphNode("in", "Failed"), GraphNode("x", needs=("in",)))
            ),
            GraphNode("last", "", needs=("outer", "outer", "last", "unknown")),
        ]
    )
    assert lines_of(drawn)[:9] == [
        '    n0["↻ prep<br>Completed#44; reused"]',
        '    subgraph n1["✗ outer: Failed"]',
        '        n1_0["✗ in<br>Failed"]',
        '        n1_1["○ x<br>not begun"]',
        "        n1_0 --> n1_1",
        "    end",
        '    n2["○ last<br>not begun"]',
        "    n0 --> n1",
        "    n1 --> n2",
    ]
    assert "    class n0 reused" in drawn.splitlines()
    assert "    class n1_0 failed" in drawn.splitlines()
    assert "    class n1_1,n2 waiting" in drawn.splitlines()
    assert "    style n1 fill:#f6f8fa,stroke:#cf222e,color:#24292f" in drawn.splitlines()


def test_no_more_is_drawn_than_mermaid_draws() -> None:
    names = [f"node_{number}" for number in range(400)]
    nodes = [GraphNode(name, "Completed", needs=tuple(names[:number])) for number, name in enumerate(names)]
    drawn = flowchart(nodes)
    lines = lines_of(drawn)
    assert sum("[" in line for line in lines) == MOST_NODES
    assert sum("-->" in line for line in lines) == MOST_EDGES
    assert len(drawn) < 50_000
    edges = MOST_NODES * (MOST_NODES - 1) // 2
    left_out = f"{400 - MOST_NODES} more nodes and {edges - MOST_EDGES} more edges"
    assert drawn.endswith(f"Not drawn: {left_out}, more than Mermaid draws.")


def test_long_names_of_many_nodes_are_not_more_than_mermaid_reads() -> None:
    drawn = flowchart([GraphNode(f"{number}{'~|' * 40}", "Completed") for number in range(150)])
    assert 20_000 < len(drawn) < 50_000
    assert re.search(r"Not drawn: \d+ more nodes, more than Mermaid draws\.$", drawn)


def test_a_block_of_code_cannot_be_ended_from_within() -> None:
    assert fenced([label("```")]).count("```") == 2


def test_what_a_job_says_of_its_nodes() -> None:
    jobs: dict[str, Any] = {
        "prep": {"type": "command", "inputs": {"x": {"value": "${{parent.inputs.data}}"}}},
        "train": {
            "type": "pipeline",
            "componentId": "of train",
            "inputs": {
                "x": {"uri": "${{parent.jobs.prep.outputs.out}}", "more": ["${{ parent.jobs.check.outputs.y }}"]}
            },
        },
        "choose": {
            "type": "if_else",
            "condition": "${{parent.jobs.train.outputs.good}}",
            "true_block": "${{parent.jobs.register}}",
            "false_block": "${{parent.jobs.regret}}",
        },
        "register": {"type": "command"},
        "regret": {"type": "command"},
        "check": {"type": "command"},
    }
    inner = {"jobs": {"fit": {"type": "command"}, "test": {"inputs": {"m": "${{parent.jobs.fit.outputs.model}}"}}}}
    nodes = [
        Node("prep", "1", "Completed", reused="0"),
        Node("train", "2", "Failed", is_pipeline=True),
        Node("train/fit", "3", "Failed"),
    ]

    def component(identity: str) -> Mapping[str, Any]:
        assert identity == "of train"
        return inner

    drawn = {node.name: node for node in graph(jobs, nodes, component)}
    assert drawn["prep"] == GraphNode("prep", "Completed", reused=True)
    assert drawn["train"].needs == ("prep", "check")
    assert drawn["train"].inside == (GraphNode("fit", "Failed"), GraphNode("test", needs=("fit",)))
    assert drawn["choose"].needs == ("train",)
    assert (drawn["register"].needs, drawn["regret"].needs) == (("choose",), ("choose",))
    assert drawn["check"] == GraphNode("check")


def test_a_component_of_itself_is_not_drawn_for_ever() -> None:
    jobs: dict[str, Any] = {"again": {"type": "pipeline", "componentId": "x"}}
    depth, level = 0, graph(jobs, [], lambda _: {"jobs": jobs})
    while level:
        depth, level = depth + 1, level[0].inside
    assert 2 < depth < 20

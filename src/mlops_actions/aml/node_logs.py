"""What the nodes of a job print, as it comes, folded node by node.

A log has one group at a time, and nodes may run side by side: they take turns. One that speaks goes on until it is
silent or a minute is over; what others have printed by then is shown when it is their turn, or when they end. Nothing
is lost by waiting, because logs are read from where they were left off.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack

from mlops_actions import github
from mlops_actions.aml.job import TERMINAL, AmlJob, Node

_WITH_LOGS = {"Running", "CancelRequested", "Finalizing", *TERMINAL}
_TURN_SECONDS = 60.0


class NodeLogs:
    """The nodes' states and lines, each told once. Its `close` ends the group that is open."""

    def __init__(self, job: AmlJob) -> None:
        self._job = job
        self._states: dict[str, str] = {}
        self._group = ExitStack()
        self._speaking = ""
        self._since = 0.0
        self._open = ""
        self._shown: set[str] = set()

    def show(self) -> None:
        """Show what is new. Raises AzureError; what could not be read is shown the next time."""
        for node in self._in_turn(self._job.nodes()):
            before = self._states.get(node.run_id)
            if before in TERMINAL:
                continue
            if before != node.status and node.status not in TERMINAL:
                self._tell(node)
            if node.status in TERMINAL or self._may_speak(node):
                self._show_lines(node)
            if node.status in TERMINAL:
                self._tell(node)

    def show_rest(self) -> None:
        """Show what has waited for its turn: nobody looks any more after this."""
        for node in self._job.nodes():
            if self._states.get(node.run_id) not in TERMINAL:
                self._show_lines(node)

    def close(self) -> None:
        """End the group that is open."""
        self._group.close()
        self._open = ""

    def _in_turn(self, nodes: Sequence[Node]) -> list[Node]:
        """The nodes, that which speaks first; once its turn is over, those after it first."""
        runs = [node.run_id for node in nodes]
        first = runs.index(self._speaking) if self._speaking in runs else 0
        if self._speaking and self._is_over():
            first += 1
        return [*nodes[first:], *nodes[:first]]

    def _is_over(self) -> bool:
        return time.monotonic() - self._since >= _TURN_SECONDS

    def _may_speak(self, node: Node) -> bool:
        return self._speaking in ("", node.run_id) or self._is_over()

    def _show_lines(self, node: Node) -> None:
        if node.is_pipeline or node.status not in _WITH_LOGS:
            return
        lines = list(self._job.new_log_lines(node))
        if lines:
            self._begin_group(node)
            # What a job prints is shown, and never obeyed as a command to the runner.
            with github.untrusted_lines():
                github.progress("\n".join(f"[{node.name}] {line}" for line in lines))
            if self._speaking != node.run_id or self._is_over():
                self._speaking, self._since = node.run_id, time.monotonic()
        if self._speaking == node.run_id and (not lines or node.status in TERMINAL):
            self._speaking = ""

    def _begin_group(self, node: Node) -> None:
        if self._open == node.run_id:
            return
        self.close()
        continued = ", continued" if node.run_id in self._shown else ""
        self._group.enter_context(github.group(f"log of node {node.name}{continued}"))
        self._open = node.run_id
        self._shown.add(node.run_id)

    def _tell(self, node: Node) -> None:
        """Tell the node's state: outside of any group, so that it is seen without unfolding one."""
        self.close()
        github.progress(f"node {node.name}: {node.shown}")
        self._states[node.run_id] = node.status

"""A workflow run whose secrets are known: whether any of them can be found anywhere, while it runs and afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.act import Job, Step, WorkflowRun
from tests.secret_traces import Watch, in_files, in_text

_NOT_LEFT = {"secrets.yaml", ".venv"}
"""What act is told the secrets by, and packages."""

_WITH_INPUTS = {"bash", "uv", "mlops"}
"""A step's shell, uv, what uv starts to find a Python, and the command. Docker and kubectl are not among them."""
_IN_USE = re.compile(r"/(?:kubeconfig|docker-config)-[^/]+(?:/config\.json)?$")


@dataclass
class Traces:
    """`folder` is the run's: its workspaces, temporary files and artifacts. It is searched after each of the steps.

    After the `last` of them no other has a file with a secret, not even for a while.
    """

    secrets: Mapping[str, str]
    folder: Path
    steps: frozenset[str]
    last: str
    found: list[str] = field(default_factory=list)
    programs: set[str] = field(default_factory=set)
    searched: set[str] = field(default_factory=set)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch the processes of this machine."""
        with Watch(self.secrets, allowed_environment=_WITH_INPUTS, allowed_to_start={"uv"}) as watch:
            yield
        self.found += watch.found
        self.programs |= watch.seen_programs

    def on_step(self, _: Job, step: Step) -> None:
        """Search the files when a step has ended; act removes the workspaces in the end."""
        if step.outcome is not None and len(step.path) == 1 and step.path[0] in self.steps:
            self.searched.add(step.path[0])
            found = in_files(self.folder, self.secrets, but=_NOT_LEFT)
            # The search takes a while, in which the next step has begun, if there is one.
            current = [] if step.path[0] == self.last else [it for it in found if _IN_USE.search(it)]
            self.found += [f"after {step.path[0]}: {it}" for it in found if it not in current]

    def assert_none(self, run: WorkflowRun, *, programs: frozenset[str]) -> None:
        """No secret is in a process, a file, or what the run printed, annotated, summarized and put out."""
        assert self.found == [], self.found
        assert self.searched == self.steps, self.searched
        assert self.programs >= programs, "they were watched"
        assert in_files(self.folder, self.secrets, but=_NOT_LEFT) == []
        assert run.log, "it printed something"
        for _, step in run.steps():
            said = [*step.lines, *step.outputs.values(), step.summary, *(one.message for one in step.annotations)]
            assert in_text("\n".join(said), self.secrets) == [], step.name
        assert in_text("\n".join(run.messages), self.secrets) == []

"""A gate's verdict on a model: made of findings and a comparison, noted on the model, and shown to people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlops_actions import github
from mlops_actions.errors import ActionError
from mlops_actions.gate.comparison import Comparison, Model
from mlops_actions.gate.requirements import Finding, shown
from mlops_actions.sdk_errors import reason

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

Word = Literal["accepted", "refused"]
ACCEPTED: Literal["accepted"] = "accepted"

_SUMMARY = Path(__file__).parents[3] / "actions" / "gate-model" / "summary.md"
_LONGEST_TAG = 250
"""Characters of a tag's value: Azure ML takes 256."""


@dataclass(frozen=True)
class Verdict:
    """What the gate found of a model."""

    model: Model
    findings: Sequence[Finding]
    comparison: Comparison | None

    @property
    def word(self) -> Word:
        """The verdict itself."""
        passed = all(finding.met for finding in self.findings) and (self.comparison is None or self.comparison.passed)
        return ACCEPTED if passed else "refused"

    @property
    def reasons(self) -> list[str]:
        """What speaks against the model; if nothing does, what speaks for it."""
        accepted = self.word == ACCEPTED
        found = [str(finding) for finding in self.findings if finding.met is accepted]
        if self.comparison is not None and self.comparison.passed is accepted:
            found.append(self.comparison.reason)
        return found

    @property
    def tags(self) -> dict[str, str]:
        """The tags that note it on the model, where those of an earlier gate are written over."""
        champion = self.comparison.champion if self.comparison else None
        reasons = "; ".join(self.reasons)
        return {
            "gate-verdict": self.word,
            "gate-reasons": reasons if len(reasons) <= _LONGEST_TAG else f"{reasons[: _LONGEST_TAG - 1]}…",
            "gate-run": github.run_url() or "none",
            "gate-champion": str(champion or "none"),
        }

    def note(self, client: MLClient) -> None:
        """Tag the model, unless it says so already; its other tags stay. Raises ActionError with Azure ML's reason."""
        from azure.ai.ml.exceptions import MlException  # noqa: PLC0415 - slow to import
        from azure.core.exceptions import AzureError  # noqa: PLC0415

        try:
            # Read again: an evaluation may have taken an hour, in which others have noted something too.
            entity = client.models.get(self.model.name, self.model.version)
            before = dict(entity.tags or {})
            if before | self.tags != before:
                entity.tags = before | self.tags
                client.models.create_or_update(entity)
        except (AzureError, MlException) as error:
            text = f"model {self.model} is {self.word}, but its tags could not be written: {reason(error)}"
            raise ActionError(text) from error

    def summarize(self) -> None:
        """Show the verdict as a table of the requirements with their values, and the comparison."""
        cell = github.table_cell
        rows = [
            f"| {cell(finding.requirement.text)} | {cell(finding.shown_values)} | {_mark(met=finding.met)} |"
            for finding in self.findings
        ]
        if (comparison := self.comparison) is not None:
            figures = [("candidate", comparison.candidate_value), ("champion", comparison.champion_value)]
            values = ", ".join(f"{who} = {shown(value)}" for who, value in figures if value is not None)
            rows.append(f"| {cell(comparison.rule)} | {cell(values or 'none')} | {_mark(met=comparison.passed)} |")
        values_of = {
            "model": cell(self.model),
            "verdict": self.word,
            "rows": "\n".join(rows),
            "reasons": "\n".join(f"- {cell(one)}" for one in self.reasons),
            "basis": cell(comparison.basis) if comparison else "",
        }
        github.summarize(_SUMMARY, values_of)


def _mark(*, met: bool) -> str:
    return "✅ met" if met else "❌ not met"

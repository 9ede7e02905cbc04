"""Compares what the trainings of champion and candidate recorded, if both were tested on the same data."""

from __future__ import annotations

from mlops_actions.errors import ActionError
from mlops_actions.gate.comparison import Comparison, Model, Rule, compare
from mlops_actions.gate.measured import FINGERPRINT, Training


def compare_recorded(
    rule: Rule, champion: Model, candidates: Training | None, champions: Training | None
) -> Comparison:
    """The comparison, or the refusal of one: without a fingerprint the figures may be of different data.

    Raises ActionError if one of the trainings has no such metric.
    """
    fingerprints = [training.fingerprint if training else None for training in (candidates, champions)]
    if candidates is None or champions is None or not all(fingerprints):
        missing = [who for who, known in zip(("the candidate", "the champion"), fingerprints, strict=True) if not known]
        return _incomparable(rule, champion, f"{' and '.join(missing)} did not record a {FINGERPRINT}")
    if fingerprints[0] != fingerprints[1]:
        return _incomparable(rule, champion, f"the {FINGERPRINT} of candidate and champion differ")
    for who, training in (("candidate", candidates), ("champion", champions)):
        if rule.metric not in training.metrics:
            names = ", ".join(sorted(training.metrics)) or "none"
            raise ActionError(f"the {who}'s training recorded no metric '{rule.metric}' (compare); it recorded {names}")
    values = (candidates.metrics[rule.metric], champions.metrics[rule.metric])
    basis = f"Their trainings tested both on the same data ({FINGERPRINT} {str(fingerprints[0])[:12]})."
    return compare(rule, champion, values, basis)


def _incomparable(rule: Rule, champion: Model, why: str) -> Comparison:
    text = f"it cannot be compared with {champion}: {why}, so nothing says that both were tested on the same data"
    return Comparison(rule, False, f"{text}; give `evaluation`, which measures both on the candidate's", champion)

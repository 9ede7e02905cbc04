"""Tells what became of the photos of a parallel job: one report of the outcomes of all mini batches."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from preparation import PreparationError
from preparation.ledger import Class, Ledger
from preparation.outcome import outcomes
from preparation.telling import plain_lines, tell


def main() -> None:
    """Read the command line, put the outcomes together, and print what was left out."""
    plain_lines()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outcomes", type=Path, required=True)
    parser.add_argument("--label", required=True)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--height", type=int, required=True)
    parser.add_argument("--report", type=Path, required=True)
    given = parser.parse_args()
    about = Class(given.label, given.width, given.height)
    ledger = Ledger()
    try:
        for outcome in outcomes(given.outcomes):
            ledger.note(outcome)
        given.report.mkdir(parents=True, exist_ok=True)
        ledger.write(given.report, about)
        tell(ledger, about, "the photos")
    except PreparationError as error:
        sys.exit(f"dataprep_report: {error}")


if __name__ == "__main__":
    main()

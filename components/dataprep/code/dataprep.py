"""Brings every image in a folder to one fixed size, as PNG files in a folder named after their label."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from preparation import PreparationError
from preparation.folder import Preparation, prepare_folder
from preparation.ledger import Class
from preparation.order import Limits
from preparation.telling import plain_lines, tell


def main() -> None:
    """Read the command line, prepare, and print what was left out."""
    plain_lines()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--label", required=True)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--height", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--max-megabytes", type=int, required=True)
    parser.add_argument("--max-seconds", type=float, required=True)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    try:
        about = Class(given.label, given.width, given.height)
        limits = Limits(bytes=given.max_megabytes << 20, seconds=given.max_seconds)
        ledger = prepare_folder(given.data, given.output, Preparation(about, limits, given.workers))
        tell(ledger, about, str(given.data))
    except PreparationError as error:
        sys.exit(f"dataprep: {error}")


if __name__ == "__main__":
    main()

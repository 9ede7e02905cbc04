"""Brings every image in a folder to one fixed size, as PNG files in a folder named after their label."""

from __future__ import annotations

import argparse
import io
import itertools
import logging
import sys
from pathlib import Path

from preparation.folder import Preparation, PreparationError, prepare_folder
from preparation.ledger import Class, Ledger
from preparation.limits import Limits

log = logging.getLogger("dataprep")

_LISTED = 100


def main() -> None:
    """Read the command line, prepare, and print what was left out."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # A file's name may be no text.
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
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


def tell(ledger: Ledger, about: Class, data: str) -> None:
    """Print what was left out and how much there is. Raises PreparationError if there is nothing."""
    left_out = ledger.count_left_out()
    for name, reason in itertools.islice(ledger.left_out(), _LISTED):
        log.info("left out %s: %s", name, reason)
    if left_out > _LISTED:
        log.info("… and %d more: report.json has them all", left_out - _LISTED)
    log.info("%s: %d images prepared, %d files left out", about.label, ledger.prepared(), left_out)
    if not ledger.prepared():
        none = (
            f"none of the {left_out} files in {data} is a usable image" if left_out else f"there is no file in {data}"
        )
        raise PreparationError(f"{about.label}: {none}")


if __name__ == "__main__":
    main()

"""What is printed of a preparation."""

from __future__ import annotations

import io
import itertools
import logging
import sys

from . import PreparationError
from .ledger import REPORT, Class, Ledger

log = logging.getLogger("dataprep")

_LISTED = 100


def plain_lines() -> None:
    """Let messages be lines of standard output, whatever bytes are in the names of files."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)


def tell(ledger: Ledger, about: Class, data: str) -> None:
    """Print what was left out and how much there is. Raises PreparationError if nothing was prepared."""
    left_out = ledger.count_left_out()
    for name, reason in itertools.islice(ledger.left_out(), _LISTED):
        log.info("left out %s: %s", name, reason)
    if left_out > _LISTED:
        log.info("… and %d more: %s has them all", left_out - _LISTED, REPORT)
    prepared = ledger.prepared()
    log.info("%s: %d images prepared, %d files left out", about.label, prepared, left_out)
    if not prepared:
        none = (
            f"none of the {left_out} files in {data} is a usable image" if left_out else f"there is no file in {data}"
        )
        raise PreparationError(f"{about.label}: {none}")

"""Brings every image in a folder to one fixed size, as PNG files in a folder named after their label."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from preparation import PreparationError
from preparation.arguments import add_arguments, preparation
from preparation.folder import prepare_folder
from preparation.telling import plain_lines, tell


def main() -> None:
    """Read the command line, prepare, and print what was left out."""
    plain_lines()
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    try:
        wanted = preparation(given)
        ledger = prepare_folder(given.data, given.output, wanted)
        tell(ledger, wanted.about, str(given.data))
    except PreparationError as error:
        sys.exit(f"dataprep: {error}")


if __name__ == "__main__":
    main()

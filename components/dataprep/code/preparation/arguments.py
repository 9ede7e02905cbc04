"""The arguments that say what is made of the photos: the same for a folder and for a mini batch."""

from __future__ import annotations

import argparse
from pathlib import Path

from .folder import Preparation
from .ledger import Class
from .order import Limits


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Have a parser read them."""
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--label", required=True)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--height", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--max-megabytes", type=int, required=True)
    parser.add_argument("--max-seconds", type=float, required=True)


def preparation(given: argparse.Namespace) -> Preparation:
    """What they ask for. Raises PreparationError for what cannot be done."""
    about = Class(given.label, given.width, given.height)
    return Preparation(about, Limits(bytes=given.max_megabytes << 20, seconds=given.max_seconds), given.workers)

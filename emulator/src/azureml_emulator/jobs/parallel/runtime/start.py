"""Starts the driver, or a worker for it: the entry point of the folder that is run."""

from __future__ import annotations

import sys

from . import driver, worker


def main() -> None:
    """`driver SETTINGS`, or `worker SETTINGS NAME ORDERS ANSWERS PARENT` (two file descriptors and a process id)."""
    role, settings, *rest = sys.argv[1:]
    if role == "driver":
        sys.exit(driver.main(settings))
    name, orders, answers, parent = rest
    sys.exit(worker.main(settings, name, int(orders), int(answers), int(parent)))

"""`python -m benchmarks [TOPIC…]`: what `make bench` calls."""

from __future__ import annotations

import sys
from collections.abc import Callable

from . import actions, emulator, preparation, serving, training
from .report import BenchmarkError

TOPICS: dict[str, Callable[[], None]] = {
    "emulator": emulator.measure,
    "actions": actions.measure,
    "preparation": preparation.measure,
    "serving": serving.measure,
    "training": training.measure,
}


def main(wanted: list[str]) -> int:
    """Measure the topics, all of them if none is named."""
    if unknown := sorted(set(wanted) - TOPICS.keys()):
        sys.stderr.write(f"error: no benchmark is called {', '.join(unknown)}: there are {', '.join(TOPICS)}\n")
        return 2
    for topic in wanted or list(TOPICS):
        try:
            TOPICS[topic]()
        except BenchmarkError as error:
            sys.stderr.write(f"error: {topic}: {error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

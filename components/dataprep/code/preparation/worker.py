"""A worker process of `workers`: takes paths of photos from standard input, and answers on standard output.

A line of input is a JSON list of paths. The first line of output is `null`, for "ready"; then there is one for each of
the input, a list of the photos' digests and the reasons why they were left out, or a text if a result can't be written.
What a decoder prints goes to standard error.

A photo that takes too long ends the worker by SIGALRM, of which nothing but the end is needed: Python's handlers would
wait for the decoder to return. The kernel does it even if nobody is left to look at the clock.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys

from .order import Limits, Order
from .photo import prepare_photo


def main(arguments: str) -> None:
    """Serve until standard input ends; the arguments are those of `Order` as JSON."""
    given = json.loads(arguments)
    order = Order(**given | {"limits": Limits(**given["limits"])})
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # A terminal's interrupt goes to all processes of the group; whoever started this one ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_DATA, (order.limits.memory, order.limits.memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _say(answers, None)
    for line in sys.stdin.buffer:
        try:
            _say(answers, [_prepared(path, order) for path in json.loads(line)])
        except OSError as error:
            _say(answers, f"{order.folder}: a prepared photo can't be written: {error.strerror}")


def _prepared(path: str, order: Order) -> tuple[str | None, str | None]:
    signal.setitimer(signal.ITIMER_REAL, order.limits.seconds)
    try:
        return prepare_photo(path, order)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _say(answers: int, what: object) -> None:
    os.write(answers, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1])

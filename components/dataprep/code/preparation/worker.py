"""A worker process of `workers`: takes paths of photos from standard input, and answers on standard output.

A path is a line of JSON, and so is an answer: first `null` for "ready", then one for each photo in turn: its digest and
the reason why it was left out; or a text if the result can't be written, which ends the worker. What a decoder prints
goes to standard error.

A photo that takes too long ends the worker by SIGALRM, of which nothing but the end is needed: Python's handlers would
wait for the decoder to return. The kernel does it even if nobody is left to look at the clock.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys

from .limits import Limits
from .photo import Order, prepare_photo


def main(arguments: str) -> None:
    """Serve until standard input ends; the arguments are those of `Order` as JSON."""
    given = json.loads(arguments)
    order = Order(**given | {"limits": Limits(**given["limits"])})
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # The process group gets the interrupt of a terminal; whoever started this worker ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_DATA, (order.limits.memory, order.limits.memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _answer(answers, None)
    for line in sys.stdin.buffer:
        signal.setitimer(signal.ITIMER_REAL, order.limits.seconds)
        try:
            answer: object = prepare_photo(json.loads(line), order)
        except OSError as error:
            answer = f"{order.folder}: a prepared photo can't be written: {error.strerror}"
        signal.setitimer(signal.ITIMER_REAL, 0)
        _answer(answers, answer)


def _answer(answers: int, answer: object) -> None:
    os.write(answers, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1])

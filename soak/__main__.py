"""`python -m soak [TOPIC …]`: what `make soak` calls."""

from __future__ import annotations

import random
import sys
from typing import Annotated

from cyclopts import App, Parameter, validators

from . import emulator

app = App(name="soak", help="The long random tests at full size, each with a report in reports/.")

TOPICS = {"emulator": emulator.soak}


@app.default
def soak(
    *topics: str,
    kills: Annotated[int, Parameter(validator=validators.Number(gte=1))] = emulator.FULL,
    seed: Annotated[int | None, Parameter(validator=validators.Number(gte=0))] = None,
) -> int:
    """Run the topics, all of them if none is named; the answer is 1 if one found something wrong.

    Parameters
    ----------
    topics
        What to try.
    kills
        How often the emulator is killed.
    seed
        Draws the same plan again; it is printed.

    """
    if unknown := sorted(set(topics) - TOPICS.keys()):
        sys.stderr.write(f"error: no soak is called {', '.join(unknown)}: there are {', '.join(TOPICS)}\n")
        return 2
    chosen = random.SystemRandom().randrange(1 << 31) if seed is None else seed
    good = [TOPICS[topic](kills, chosen) for topic in topics or tuple(TOPICS)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(app(result_action="return_value"))

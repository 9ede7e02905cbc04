"""`python -m soak [TOPIC …]`: what `make soak` calls."""

from __future__ import annotations

import random
import sys
from typing import Annotated

from cyclopts import App, Parameter, validators

from . import actions, emulator, network, serving

app = App(name="soak", help="The long random tests at full size, each with a report in reports/.")

TOPICS = {
    "emulator": (emulator.soak, emulator.FULL),
    "actions": (actions.soak, actions.FULL),
    "network": (network.soak, network.FULL),
    "serving": (serving.soak, serving.FULL),
}
"""What there is, and how many kills (of the network: runs, of the service: uploads) are its full size."""


@app.default
def soak(
    *topics: str,
    kills: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    seed: Annotated[int | None, Parameter(validator=validators.Number(gte=0))] = None,
) -> int:
    """Run the topics, all of them if none is named; the answer is 1 if one found something wrong.

    Parameters
    ----------
    topics
        What to try.
    kills
        How often something is killed, of the topic network the runs, of serving the uploads; by default each topic's
        full size.
    seed
        Draws the same plan again; it is printed.

    """
    if unknown := sorted(set(topics) - TOPICS.keys()):
        sys.stderr.write(f"error: no soak is called {', '.join(unknown)}: there are {', '.join(TOPICS)}\n")
        return 2
    chosen = random.SystemRandom().randrange(1 << 31) if seed is None else seed
    good = [run(kills or full, chosen) for run, full in (TOPICS[topic] for topic in topics or TOPICS)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(app(result_action="return_value"))

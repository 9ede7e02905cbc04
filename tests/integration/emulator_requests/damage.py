"""Bodies that were right once: something in them is taken away, or is something else now."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

JUNK = (
    None,
    "",
    "x",
    "../../etc/passwd",
    "${{parent.inputs.a}}",
    "${{parent.jobs.a.outputs.o}}",
    "${{",
    "azureml://datastores/nowhere/paths/a",
    "azureml:/subscriptions/x",
    "\x00\ud7ff\u202e",
    "9" * 400,
    0,
    -1,
    1e308,
    2**70,
    True,
    [],
    ["x"],
    [[[]]],
    {},
    {"x": 1},
    {"": None},
)


def _places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield (*above, key)
        yield from _places(inner, (*above, key))


def damaged(whole: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """A copy of `whole` with one to three things wrong (or, now and then, still right)."""
    result = copy.deepcopy(whole)
    for _ in range(chance.randint(1, 3)):
        *above, last = chance.choice(list(_places(result)) or [("properties",)])
        holder: Any = result
        for key in above:
            holder = holder[key]
        if chance.random() < 0.2:
            holder.pop(last, None) if isinstance(holder, dict) else holder.pop(last)
        else:
            holder[last] = copy.deepcopy(chance.choice(JUNK))
    return result

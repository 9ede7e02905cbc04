"""Finds the entry of a YAML file that an error's message is about.

The SDK's own validation tells a path; the service's refusals, and half of the SDK's, tell names in a sentence. Each
entry is scored by what of it the message names, and the best is to blame, if it is named well enough.
"""

from __future__ import annotations

import os
from pathlib import Path

from mlops_actions.diagnostics.locations import Entry, Location, at_path, entries
from mlops_actions.diagnostics.names import Named, reference

_CONTAINERS = frozenset({"jobs", "inputs", "outputs"})
"""Fields below which the names are the user's own."""

# How much each finding says. A name alone is enough.
_BINDING, _VERSION, _PATH, _REFERENCE, _QUOTED, _NAME = 8, 6, 6, 4, 3, 2
_ENOUGH = 2


def location_of(file: Path, message: str, path: str = "") -> Location | None:
    """Where in `file`, or a YAML file that it refers to, the cause of `message` is; `path` is where it says it is.

    None if the message names nothing that is there.
    """
    found = entries(file)
    own = [one for one in found if one.key.file == str(file)]
    entry, whole = at_path(own, path) if path else (None, False)
    if whole and entry is not None:
        return entry.key
    # What is missing has no place: it is where it would have to be, unless something near that is named.
    within = found if entry is None else [one for one in own if one.path[: len(entry.path)] == entry.path]
    named = Named(message)
    best = _best(within, named, str(file))
    if best is not None:
        return best.value if _value_score(best, named) >= _QUOTED else best.key
    return entry.key if entry is not None else None


def _best(found: list[Entry], named: Named, file: str) -> Entry | None:
    best, highest = None, (_ENOUGH - 1, True, True, 0)
    for entry in found:
        # Of entries that are named alike that of the file itself is meant, then that whose field the message has a word
        # of, then the outer one, and of these the first.
        rank = (_score(entry, named), entry.key.file == file, entry.path[-1] in named.words, -len(entry.path))
        if rank[0] >= _ENOUGH and rank > highest:
            best, highest = entry, rank
    return best


def _score(entry: Entry, named: Named) -> int:
    owned = [name for parent, name in zip(entry.path, entry.path[1:], strict=False) if parent in _CONTAINERS]
    score = _NAME * sum(name in named.names for name in owned) + _value_score(entry, named)
    return score + _QUOTED * (entry.path[-1] not in owned and entry.path[-1] in named.quoted)


def _value_score(entry: Entry, named: Named) -> int:
    """How well a message names what an entry says, by the best of its ways to do so."""
    text = entry.text
    if not text:
        return 0
    scores = [0]
    if any(binding in text for binding in named.bindings) and "${{" in text:
        scores.append(_BINDING)
    if (refers := reference(text)) is not None:
        name, version = refers
        if version is not None and (name, version) in named.versions:
            scores.append(_VERSION)
        elif name in named.names:
            scores.append(_REFERENCE)
        elif name in named.words:
            scores.append(_NAME)
    if _is_path(text) and _absolute(entry, text) in {os.path.normpath(path) for path in named.paths}:
        scores.append(_PATH)
    if text in named.names:
        scores.append(_QUOTED if text in named.quoted else _NAME)
    return max(scores)


def _is_path(text: str) -> bool:
    return "\n" not in text and "://" not in text and not text.startswith("azureml:")


def _absolute(entry: Entry, text: str) -> str:
    return os.path.normpath(Path(entry.value.file).resolve().parent / text.removeprefix("file:"))

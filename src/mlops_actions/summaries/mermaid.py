"""What all Mermaid diagrams have in common: text of unknown origin in a label, and the block of code around it."""

from __future__ import annotations

import re
import unicodedata

LONGEST_LABEL = 60
_DOUBLES = str.maketrans(dict(zip("`*$\\@[]~", "\u02cb\u2217\uff04\uff3c\uff20\uff3b\uff3d\u223c", strict=True)))
_LINK = re.compile(r"(?<=:)//|(?<=www)\.", re.IGNORECASE)
_NO_LINK = {"//": "\u2215\u2215", ".": "\u2024"}
_NOTHING = "unnamed"
"""No diagram takes an empty text everywhere."""


def label(text: object, length: int = LONGEST_LABEL) -> str:
    """The text as a label, which goes in double quotes: it is shown, and is neither Mermaid nor HTML.

    Mermaid has no escape but an entity with a #, so all is one that is no letter, digit or blank:
    https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters. What has no looks, or turns others
    round, is left out. In flowcharts, version 11.3 takes labels for Markdown after it has resolved the entities, and
    says so in place of what it does not draw: code, escapes and links, so what makes one is its double; and lists and
    headings, so that a label of unknown text must not begin a line there. What is between two `$$` is mathematics.
    """
    shown = _LINK.sub(lambda found: _NO_LINK[found[0]], " ".join(str(text).translate(_DOUBLES).split()))
    shown = "".join(one for one in shown if unicodedata.category(one)[0] != "C")
    if len(shown) > length:
        shown = f"{shown[: length - 1].rstrip()}…"
    shown = shown.strip() or _NOTHING
    return "".join(one if one.isalnum() or one == " " else f"#{ord(one)};" for one in shown)


def fenced(lines: list[str]) -> str:
    """The diagram as GitHub draws it."""
    return "\n".join(["```mermaid", *lines, "```"])

"""What all Mermaid diagrams have in common: text of unknown origin in a label, and the block of code around it."""

from __future__ import annotations

import unicodedata

LONGEST_LABEL = 60
_DOUBLES = str.maketrans({"`": "\u02cb", "*": "\u2217"})


def label(text: object, length: int = LONGEST_LABEL) -> str:
    """The text as a label, which goes in double quotes: it is shown, and is neither Mermaid nor HTML.

    Mermaid has no escape but an entity with a #, so all is one that is no letter, digit or blank:
    https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters. What has no looks, or turns others
    round, is left out. In flowcharts, version 11.3 takes labels for Markdown after it has resolved the entities, and
    refuses code, so backquotes and asterisks are their doubles; and lists and headings, so that a label of unknown text
    must not begin a line there.
    """
    shown = " ".join(str(text).translate(_DOUBLES).split())
    shown = "".join(one for one in shown if unicodedata.category(one)[0] != "C")
    if len(shown) > length:
        shown = f"{shown[: length - 1].rstrip()}…"
    return "".join(one if one.isalnum() or one == " " else f"#{ord(one)};" for one in shown)


def fenced(lines: list[str]) -> str:
    """The diagram as GitHub draws it."""
    return "\n".join(["```mermaid", *lines, "```"])

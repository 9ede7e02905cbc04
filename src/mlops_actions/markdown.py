"""Text of unknown origin in Markdown: it stays where it is put, and is no markup.

https://github.github.com/gfm: any punctuation may be escaped by a backslash.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from mlops_actions.guarded_output import visible
from mlops_actions.masking import without_secrets

_LONGEST_CELL = 1000
_MARKUP = re.compile(r"([\\`*~$\[\]|]|(?<![^\W_])_|_(?![^\W_]))")
_URL_CHARACTERS = ":/?#@!$&'*+,;=%-._~"


def table_cell(value: object) -> str:
    """A value that stays in its cell of a table, and is no markup."""
    text = shortened(visible(without_secrets(" ".join(str(value).split()))), _LONGEST_CELL)
    return _MARKUP.sub(r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;"))


def link(text: object, url: str) -> str:
    """A link with that text; the text alone if the URL is not one of the web."""
    if urlsplit(url).scheme not in {"http", "https"}:
        return table_cell(text)
    return f"[{table_cell(text)}]({quote(without_secrets(url), safe=_URL_CHARACTERS)})"


def code_block(text: str) -> str:
    """The text as code, which nothing in it can end: each line is indented. It goes after an empty line."""
    lines = without_secrets(text).strip().splitlines()
    return "".join(f"    {visible(line)}\n" for line in lines)


def shortened(text: str, length: int) -> str:
    """The text, or as much of its beginning and its end as that many characters have room for."""
    if len(text) <= length:
        return text
    end = length // 4  # what is wrong often stands there
    return f"{text[: length - end]}… ({len(text) - length} more characters) …{text[len(text) - end :]}"

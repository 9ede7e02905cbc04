"""The secrets of this process, in every form in which one may get out, and texts without them.

A runner masks what it is told of in the log. Summaries and outputs are files that it may not look into, and a laptop
has no runner: so texts are also kept free of them here.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from functools import cache
from urllib.parse import quote, quote_plus

HIDDEN = "***"

_SHORTEST_LINE = 4
"""Characters: of a secret of several lines, shorter ones are the braces and brackets that all texts have."""

_SHORTEST_ENCODED = 8
"""Characters: a shorter piece of base64 stands in texts that have nothing to do with the secret."""

# What is a secret by its looks: the signature of a shared access signature, a storage account's key, a JSON web token.
# https://learn.microsoft.com/rest/api/storageservices/create-service-sas, RFC 7519
_SECRET_LOOKS = re.compile(
    r"(?P<name>[?&;\s\"']sig=|\bAccountKey=|\bSharedAccessSignature=sig=)(?P<value>[^&;\s\"'<>)]{8,})"
    r"|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"
)

_known: set[str] = set()


def forms(secret: str) -> list[str]:
    """The secret and its lines, each as it is and as base64, URLs, JSON and XML have it: runners mask line by line."""
    lines = [line.strip() for line in secret.splitlines()]
    several = len(lines) > 1
    texts = [line for line in lines if line and (not several or len(line) >= _SHORTEST_LINE)]
    found = dict.fromkeys(texts)
    for text in dict.fromkeys([*texts, *([secret] if several else [])]):
        found.update(dict.fromkeys(form for form in _encoded(text) if "\n" not in form and "\r" not in form))
    return list(found)


def _encoded(text: str) -> Iterator[str]:
    yield from (form for form in _base64_forms(text.encode(errors="surrogatepass")) if len(form) >= _SHORTEST_ENCODED)
    if len(text) < _SHORTEST_LINE:
        return
    for encoded in (
        quote(text, safe="", errors="replace"),
        quote_plus(text, errors="replace"),
        quote(text, errors="replace"),
    ):
        yield encoded
        yield re.sub(r"%[0-9A-F]{2}", lambda code: code[0].lower(), encoded)
    for ascii_only in (True, False):
        yield json.dumps(text, ensure_ascii=ascii_only)[1:-1]
    yield html.escape(text)


def _base64_forms(secret: bytes) -> Iterator[str]:
    """What is the same of the secret's base64 whatever stands around it: it begins at one of three places in a group.

    Of the characters at the ends, those are left out that have bits of what is before or after.
    """
    for before, leading in ((0, 0), (1, 2), (2, 3)):
        padded = b"\0" * before + secret
        whole = len(padded) // 3 * 4
        # One byte more than whole groups makes one character that is all its own, two make two.
        end = whole + len(padded) % 3
        for altchars in (None, b"-_"):
            yield base64.b64encode(padded, altchars=altchars).decode()[leading:end]
    yield base64.b64encode(secret).decode()


def remember(secret: str) -> list[str]:
    """Keep the secret out of the texts from now on; its forms."""
    found = forms(secret)
    _known.update(form for form in found if len(form) >= _SHORTEST_ENCODED)
    _pattern.cache_clear()
    return found


def forget() -> None:
    """Forget the secrets, at the end of a command."""
    _known.clear()
    _pattern.cache_clear()


def is_known(text: str) -> bool:
    """Whether the text holds a secret that this process was told of."""
    return bool(_known) and _pattern().search(text) is not None


def without_secrets(text: str) -> str:
    """The text with `***` in the place of the secrets of this process, and of what looks like one."""
    text = _SECRET_LOOKS.sub(lambda found: f"{found['name'] or ''}{HIDDEN}", text)
    return _pattern().sub(HIDDEN, text) if _known else text


@cache
def _pattern() -> re.Pattern[str]:
    # The longest first: one may be part of another.
    return re.compile("|".join(re.escape(form) for form in sorted(_known, key=len, reverse=True)))

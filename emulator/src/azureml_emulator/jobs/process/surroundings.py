"""What the programs that the emulator starts may see of its own environment variables."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ...processes import OWNER

# What a program needs of its surroundings. Anything else, the emulator's secrets and proxy above all, stays here.
PASSED_ON = (
    "PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CERT", OWNER,
)  # fmt: skip
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def surroundings(names: Sequence[str] = (), *, own_proxy: int | None = None) -> dict[str, str]:
    """The part of the emulator's environment variables that other programs may see.

    `own_proxy` is the port of the emulator's own proxy, which must not be passed on.
    """
    kept = {name: os.environ[name] for name in (*PASSED_ON, *names) if name in os.environ}
    for name in _PROXIES:
        for spelling in (name, name.lower()):
            value = os.environ.get(spelling)
            if value and (own_proxy is None or not value.rstrip("/").endswith(f":{own_proxy}")):
                kept[spelling] = value
    return kept

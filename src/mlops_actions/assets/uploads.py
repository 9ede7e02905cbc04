"""Measures what the SDK uploads for each asset.

It does not tell, and it opens clients of its own. But all clients of Azure's write their requests, without secrets, to
one logger (https://learn.microsoft.com/azure/developer/python/sdk/azure-sdk-logging), which is listened to here. Files
are sent by threads of the SDK's; it is the thread which registers an asset that marks them as complete in the end.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

_LOGGER = "azure.core.pipeline.policies.http_logging_policy"
_URL = re.compile(r"Request URL: '([^']+)'\nRequest method: '(?:PUT|PATCH)'")
_LENGTH = re.compile(r"'Content-Length': '(\d+)'", re.IGNORECASE)
_REQUEST = re.compile(r"'x-ms-client-request-id': '([^']+)'", re.IGNORECASE)
_STORAGE = "azsdk-python-storage-"
_LOCAL = "LocalUpload"


class Uploads(logging.Handler):
    """The bytes that were sent to storage, of each place there; and for which asset, by its number."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._bytes: Counter[str] = Counter()
        self._owners: dict[str, int] = {}
        self._threads: dict[int, int] = {}
        self._requests: set[str] = set()

    @contextmanager
    def asset(self, number: int) -> Iterator[None]:
        """What this thread does in the block is for the asset of that number."""
        thread = threading.get_ident()
        self._threads[thread] = number
        try:
            yield
        finally:
            del self._threads[thread]

    def emit(self, record: logging.LogRecord) -> None:
        """Take in a record: one at a time, as handlers are called."""
        text = record.getMessage()
        url = _URL.search(text)
        if url is None or _STORAGE not in text:
            return
        place = _place(url[1])
        length, request = _LENGTH.search(text), _REQUEST.search(text)
        # A request that is sent again has the same id.
        if length is not None and not (request is not None and request[1] in self._requests):
            self._bytes[place] += int(length[1])
        if request is not None:
            self._requests.add(request[1])
        if record.thread in self._threads:
            self._owners[place] = self._threads[record.thread]

    def of(self, number: int) -> int:
        """The bytes that were sent for an asset."""
        return sum(self._bytes[place] for place, owner in self._owners.items() if owner == number)

    def total(self) -> int:
        """The bytes that were sent for all assets."""
        return self._bytes.total()


def _place(url: str) -> str:
    """The folder that an asset's files are in: `LocalUpload/<id>` of a container, or a container of its own."""
    parts = urlsplit(url).path.strip("/").split("/")
    return "/".join(parts[:3] if parts[1:2] == [_LOCAL] else parts[:1])


@contextmanager
def measured_uploads() -> Iterator[Uploads]:
    """Measure what is uploaded in the block."""
    uploads, logger = Uploads(), logging.getLogger(_LOGGER)
    level, propagate = logger.level, logger.propagate
    if not logger.isEnabledFor(logging.INFO):
        # Nobody else asked for these records.
        logger.setLevel(logging.INFO)
        logger.propagate = False
    logger.addHandler(uploads)
    try:
        yield uploads
    finally:
        logger.removeHandler(uploads)
        logger.setLevel(level)
        logger.propagate = propagate

"""How every Azure client here reaches the network: azure-core's retries with a cap, each with its reason in the log.

Azure's clients take one transport and the settings of their retry policy as keywords, so these are what all of them are
given, azure.ai.ml's MLClient and azure.identity's credentials included.
"""

from __future__ import annotations

import functools
import sys
import threading
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from azure.core.exceptions import AzureError, ServiceRequestError, ServiceResponseError
from azure.core.pipeline.policies import RetryPolicy
from azure.core.pipeline.transport import RequestsTransport

TOTAL_SECONDS = 300
"""After so many seconds no further attempt at one request is begun."""

LONGEST_WAIT = 120
"""Seconds of a Retry-After that are waited for at most."""

_ATTEMPTS = 10
_BACKOFF_SECONDS, _LONGEST_BACKOFF = 0.5, 30
_CONNECT_SECONDS, _READ_SECONDS = 30, 120
_POST_ATTEMPTS = 4
_ERROR = 400
_REASON_LENGTH = 200
# None of these operations (cancel, start, stop, list secrets, …) does anything more when it is asked for again.
_REPEATABLE_POSTS = "/providers/microsoft.machinelearningservices/"


def retries() -> dict[str, Any]:
    """The settings of azure-core's RetryPolicy, as keywords for it or for a client."""
    return {
        # The connection is lost, the answer is, or it is a 408, 429 or 5xx: each may happen as often as all together.
        **dict.fromkeys(("retry_total", "retry_connect", "retry_read", "retry_status"), _ATTEMPTS),
        "retry_backoff_factor": _BACKOFF_SECONDS,
        "retry_backoff_max": _LONGEST_BACKOFF,
        "timeout": TOTAL_SECONDS,
    }


def options() -> dict[str, Any]:
    """Keywords for a client of Azure's: the transport, and the settings of its retries."""
    return {"transport": transport(), **retries()}


def storage_options() -> dict[str, Any]:
    """Keywords for a client of Azure's storage, whose own retries would wait 15 s before the second attempt."""
    from azure.storage.blob import LinearRetry  # noqa: PLC0415 - slow to import

    return {"transport": transport(), "retry_policy": LinearRetry(backoff=1, random_jitter_range=1)}


@functools.cache
def transport() -> Transport:
    """The transport of this process: its connections serve all clients."""
    return Transport(connection_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS)


class Transport(RequestsTransport):  # type: ignore[misc]  # exported without a type
    """Sends requests, and tells in the log of each that is sent again: which, why, and after how long.

    azure-core logs nothing of its retries. It sends the same request object again, and waits by the transport's
    `sleep`: that is how they are known here.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._failed: WeakKeyDictionary[Any, tuple[int, str]] = WeakKeyDictionary()
        self._waited = threading.local()

    def __exit__(self, *_: object) -> None:
        """Stay open: a client that is closed is one of many."""

    def close(self) -> None:
        """Stay open, as above."""

    def sleep(self, duration: float) -> None:
        """Wait before a request is sent again."""
        self._waited.seconds = duration
        super().sleep(duration)

    # The overloads of the base have no common type that could be written here.
    def send(self, request: Any, *, proxies: Any = None, **kwargs: Any) -> Any:
        """Send a request. Raises ServiceRequestError or ServiceResponseError if there is no answer."""
        for attempt in range(_POST_ATTEMPTS):
            self._tell(request)
            try:
                response = super().send(request, proxies=proxies, **kwargs)
            except AzureError as error:
                self._note(request, _one_line(error))
                # azure-core sends no POST again whose connection broke.
                if not _is_repeatable_post(request, error) or attempt == _POST_ATTEMPTS - 1:
                    raise
                self.sleep(_BACKOFF_SECONDS * attempt)
                continue
            if response.status_code >= _ERROR:
                self._note(request, f"answered {response.status_code} {response.reason or ''}".rstrip())
                _limit_wait(response)
            return response
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _note(self, request: Any, why: str) -> None:
        times, _ = self._failed.get(request, (0, ""))
        self._failed[request] = (times + 1, why)
        self._waited.seconds = 0

    def _tell(self, request: Any) -> None:
        if request in self._failed:
            times, why = self._failed[request]
            after = f" after {self._waited.seconds:g} s" if getattr(self._waited, "seconds", 0) else ""
            text = f"{request.method} {_shown(request.url)}: {why}; sent again{after} (retry {times})"
            # Not on standard output, which is for what the command was asked for.
            print(text, file=sys.stderr, flush=True)  # noqa: T201 - the runner's log is who listens


def _is_repeatable_post(request: Any, error: Exception) -> bool:
    lost = isinstance(error, ServiceRequestError | ServiceResponseError)
    return lost and request.method == "POST" and _REPEATABLE_POSTS in request.url.lower()


def _limit_wait(response: Any) -> None:
    seconds = RetryPolicy().parse_retry_after(value) if (value := response.headers.get("Retry-After")) else 0
    if seconds > LONGEST_WAIT:
        response.headers["Retry-After"] = str(LONGEST_WAIT)


def _shown(url: str) -> str:
    """The URL without its query, which may hold a signature, and from the workspace on if it is in one."""
    parts = urlsplit(url)
    _, found, rest = parts.path.partition("/workspaces/")
    return f"{parts.hostname}{'/…/workspaces/' if found else ''}{rest if found else parts.path}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:_REASON_LENGTH] or type(error).__name__

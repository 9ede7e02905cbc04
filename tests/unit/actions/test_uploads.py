"""What is uploaded for an asset, out of the SDK's log of its requests."""

from __future__ import annotations

import logging
import threading

import pytest

from mlops_actions.assets.report import size
from mlops_actions.assets.uploads import measured_uploads

LOGGER = logging.getLogger("azure.core.pipeline.policies.http_logging_policy")
STORAGE = "https://x.blob.core.windows.net"


def sent(path: str, length: int | None, request: str, *, method: str = "PUT", agent: str = "storage-blob") -> None:
    headers = [f"'Content-Length': '{length}'"] * (length is not None)
    headers += [f"'x-ms-client-request-id': '{request}'", f"'User-Agent': 'azsdk-python-{agent}/12'"]
    text = "\n    ".join([f"Request URL: '{STORAGE}/{path}?sig=REDACTED'\nRequest method: '{method}'", *headers])
    LOGGER.log(logging.INFO, text)


def in_a_thread(*requests: tuple[str, int, str]) -> None:
    def send() -> None:
        for path, length, request in requests:
            sent(path, length, request)

    thread = threading.Thread(target=send)
    thread.start()
    thread.join()


def test_each_upload_is_that_of_the_asset_that_it_was_completed_for() -> None:
    with measured_uploads() as uploads:
        with uploads.asset(0):
            in_a_thread(("blobs/LocalUpload/1/w/a", 10, "a"), ("blobs/LocalUpload/1/w/b", 5, "b"))
            sent("blobs/LocalUpload/1/w/a", None, "c")
        with uploads.asset(1):
            in_a_thread(("code-1/src/x.py", 7, "d"))
            in_a_thread(("code-1/src/x.py", 7, "d"))  # again, after a lost connection
            sent("code-1/src/x.py", None, "e")
            sent("blobs/LocalUpload/2/file", 1, "f")
            sent("subscriptions/1", 500, "g", agent="mgmt")
            sent("code-1", 900, "h", method="GET")
        in_a_thread(("blobs/LocalUpload/3/lost", 100, "i"))
    sent("blobs/LocalUpload/1/w/a", 10, "later")
    assert [uploads.of(number) for number in range(3)] == [15, 8, 0]
    assert uploads.total() == 123


def test_nobody_who_did_not_ask_sees_the_requests(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, LOGGER.name)
    with measured_uploads():
        sent("a/b", 1, "1")
    assert (LOGGER.level, LOGGER.propagate, caplog.records) == (logging.WARNING, True, [])
    caplog.set_level(logging.INFO, LOGGER.name)
    with measured_uploads():
        sent("a/b", 1, "2")
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_560_000, "2.6 MB"), (5 * 10**12, "5000.0 GB")]
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text

"""`make soak TOPIC=serving` in short, against the real service; and against one that makes every mistake there is."""

from __future__ import annotations

import os
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from soak.serving import fuzz
from soak.serving.service import Service
from soak.serving.table import figures
from soak.serving.uploads import Fuzzer

UPLOADS, SEED = 1500, 1
MOST_MEMORY = 400 * 10**6
"""Bytes that the service may hold meanwhile; its container may have a few more."""


def test_no_damaged_upload_costs_more_than_its_answer(tmp_path: Path) -> None:
    outcome = fuzz(tmp_path / "soak", UPLOADS, SEED)
    assert outcome.mistakes() == []
    found = figures(outcome, seed=SEED, seconds=1)
    assert (found["uploads_sent"], found["uploads_errors_500"], found["uploads_workers_lost"]) == (UPLOADS, 0, 0)
    assert outcome.answers[200] > UPLOADS / 10
    assert outcome.answers[422] > UPLOADS / 10
    assert outcome.good_answers > UPLOADS / 50
    assert max(sample.pss for sample in outcome.samples) < MOST_MEMORY


@contextmanager
def answering(answers: Iterator[bytes], log: Path) -> Iterator[Service]:
    """A service that reads a little and answers that, whatever the request is."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1 << 20)
            self.request.sendall(next(answers, b""))

    log.write_text("")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Service("127.0.0.1", server.server_address[1], os.getpid(), log)
        server.shutdown()


def answer(status: int, body: str) -> bytes:
    head = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return (head + body).encode()


def found_wrong(folder: Path, said: bytes) -> list[str]:
    def answers() -> Iterator[bytes]:
        yield answer(200, "good")
        while True:
            yield said

    folder.mkdir()
    with answering(answers(), folder / "log") as served:
        return Fuzzer(served, folder, SEED, str).run(60).mistakes()


def test_each_kind_of_mistake_is_found(tmp_path: Path) -> None:
    assert any("it is an error of the service" in line for line in found_wrong(tmp_path / "500", answer(500, "")))
    assert any("the error is not as" in line for line in found_wrong(tmp_path / "400", answer(400, "Bad Request")))
    assert any("what is no photo is not refused" in line for line in found_wrong(tmp_path / "200", answer(200, "good")))
    nothing = found_wrong(tmp_path / "nothing", b"")
    assert any("there is no answer" in line for line in nothing)
    assert any("a good photo is not answered as before at the end" in line for line in nothing)
    kept = [file for file in (tmp_path / "nothing").iterdir() if file.suffix == ".http"]
    assert kept
    assert all(f"upload {file.stem} " in " ".join(nothing) for file in kept)

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.report import BenchmarkError
from benchmarks.serving import closed_loop, photos
from benchmarks.serving.contenders import Contender
from benchmarks.serving.server import running
from sandbox.processes import began_at

SERVER = """
import http.server, os, pathlib, subprocess, sys

child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
pathlib.Path(sys.argv[2]).write_text(str(child.pid))

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_GET(self):
        self.answer(200)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(int(os.environ["STATUS"]))

    def log_message(self, *said):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def forms(tmp_path: Path) -> photos.Forms:
    return photos.write_forms(photos.sample(tmp_path / "none", count=2), tmp_path / "sample")


def contender(folder: Path, code: str = SERVER, status: int = 200) -> Contender:
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(sys.executable)
    (folder / "server.py").write_text(code)
    return Contender(
        key="small",
        name="the small one",
        environment=lambda: folder,
        command=("{bin}/python", str(folder / "server.py"), "{port}", str(folder / "child")),
        ready="/",
        how="",
        packages=(),
        variables={"STATUS": str(status)},
    )


def test_a_server_is_measured_and_ended_with_all_that_it_began(tmp_path: Path, forms: photos.Forms) -> None:
    with running(contender(tmp_path), tmp_path, forms, tmp_path / "run") as server:
        child = int((tmp_path / "child").read_text())
        assert child in server.pids()
        assert server.pss_megabytes() > 1
        assert 0 < server.seconds_to_ready <= server.seconds_to_first_prediction
        load = closed_loop.run(server.url, forms, connections=2, seconds=1)
        assert load.errors == 0
        assert load.statuses[200] == load.latencies.total() > 0
        server.wait_until_idle()
    assert began_at(child) is None


def test_what_it_said_last_tells_why_it_did_not_start(tmp_path: Path, forms: photos.Forms) -> None:
    with (
        pytest.raises(BenchmarkError, match=r"^the small one ended with 3 as it started: no model \(its log is "),
        running(contender(tmp_path, "print('no model'); raise SystemExit(3)"), tmp_path, forms, tmp_path / "run"),
    ):
        pytest.fail("it runs")


def test_a_request_alone_that_is_not_answered_is_an_error(tmp_path: Path, forms: photos.Forms) -> None:
    with (
        pytest.raises(BenchmarkError, match=r"^the small one answered 500: \{\}"),
        running(contender(tmp_path, status=500), tmp_path, forms, tmp_path / "run"),
    ):
        pytest.fail("it counts as ready")
    assert began_at(int((tmp_path / "child").read_text())) is None

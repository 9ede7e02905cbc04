import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from azureml_emulator.jobs.files.data_errors import DataError, failed
from azureml_emulator.jobs.files.web import Fetching, fetch

CONTENT = b"sepal,petal\n" * 1000


class Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/data/iris%20set.csv")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path in {"/data/iris%20set.csv", "/short"}:
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT) + (path == "/short")))
            self.end_headers()
            self.wfile.write(CONTENT)
            self.close_connection = path == "/short"
        elif path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"4\r\nrows\r\n0\r\n\r\n")
        else:
            status = {"/secret": 403, "/broken": 503}.get(path, 404)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving(trust: ssl.SSLContext | None = None) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    if trust is not None:
        server.socket = trust.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def fetching(authority: trustme.CA, tmp_path: Path) -> Fetching:
    authorities = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(authorities)
    return Fetching(authorities, tell=lambda _: None)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with serving() as port:
        yield f"http://127.0.0.1:{port}"


def test_a_file_has_the_name_that_the_server_gives_it(site: str, fetching: Fetching, tmp_path: Path) -> None:
    file = fetch(f"{site}/data/iris%20set.csv?version=2", tmp_path / "in", fetching, sized=True)
    assert file == tmp_path / "in" / "iris set.csv"
    assert file.read_bytes() == CONTENT


def test_a_redirection_is_followed(site: str, fetching: Fetching, tmp_path: Path) -> None:
    assert fetch(f"{site}/moved", tmp_path, fetching).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/nowhere.csv", "NotFound"),
        ("/secret", "Authentication"),
        ("/broken", "ConnectionFailure"),
        ("/short", "ConnectionFailure"),
        ("/", "NotFound"),
        ("/a/%2E%2E", "NotFound"),
    ],
)
def test_what_cannot_be_had_is_told(site: str, fetching: Fetching, tmp_path: Path, path: str, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        fetch(site + path, tmp_path, fetching)
    assert caught.value.reason == reason
    assert f"{site}{path}" in caught.value.message
    assert f"DataAccessError({reason})" in failed("Input a", caught.value, mounted=True).message


def test_a_mount_needs_the_length_beforehand(site: str, fetching: Fetching, tmp_path: Path) -> None:
    assert fetch(f"{site}/chunked", tmp_path, fetching).read_bytes() == b"rows"
    with pytest.raises(DataError, match="Content-Length") as caught:
        fetch(f"{site}/chunked", tmp_path, fetching, sized=True)
    assert caught.value.reason == "NotSupported"


@pytest.mark.parametrize("path", ["/data/iris%20set.csv", "/chunked"])
def test_a_file_that_is_too_large_is_not_fetched(site: str, fetching: Fetching, tmp_path: Path, path: str) -> None:
    with pytest.raises(DataError) as caught:
        fetch(site + path, tmp_path, Fetching(fetching.authorities, fetching.tell, largest=3))
    assert caught.value.reason == "TooLarge"


def test_fetching_ends_when_the_run_does(site: str, fetching: Fetching, tmp_path: Path) -> None:
    def check() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        fetch(f"{site}/data/iris%20set.csv", tmp_path, Fetching(fetching.authorities, fetching.tell, check))


def test_https_goes_through_the_machines_proxy_and_trusts_its_authorities(
    authority: trustme.CA, fetching: Fetching, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("files.example").configure_cert(trust)
    with serving(trust) as port, proxy_to(port) as (proxy, asked):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.delenv("https_proxy", raising=False)
        file = fetch("https://files.example/data/iris%20set.csv", tmp_path, fetching)
        assert file.read_bytes() == CONTENT
        assert asked == ["files.example:443"]
        stranger = tmp_path / "stranger.pem"
        trustme.CA().cert_pem.write_to_path(stranger)
        with pytest.raises(DataError, match="certificate verify failed"):
            fetch("https://files.example/data/iris%20set.csv", tmp_path, Fetching(stranger, fetching.tell))


@contextlib.contextmanager
def proxy_to(port: int) -> Iterator[tuple[str, list[str]]]:
    """A CONNECT proxy that leads every tunnel to one port, and what it was asked for."""
    asked: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def tunnel(client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", port)) as server:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += client.recv(1)
            asked.append(head.split()[1].decode())
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pipe, args=(server, client), daemon=True)
            back.start()
            pipe(client, server)
            back.join()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=tunnel, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
    finally:
        listener.close()


def pipe(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)

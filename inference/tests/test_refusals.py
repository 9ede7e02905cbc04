from __future__ import annotations

import contextlib
import io
import random
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from .pictures import bomb, encode, plain, textured

JPEG = encode(textured((200, 150)), "JPEG")
PNG = encode(textured(), "PNG")


def refused(response: httpx.Response, status: int, code: str) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert list(body) == ["error"]
    assert sorted(body["error"]) == ["code", "message"]
    assert body["error"]["code"] == code
    return str(body["error"]["message"])


def chunked(size: int) -> Iterator[bytes]:
    for _ in range(size // 10_000):
        yield bytes(10_000)


def test_too_many_bytes_by_the_length_header(strict: httpx.Client) -> None:
    message = refused(strict.post("/predict", content=bytes(20_000_000)), 413, "too_many_bytes")
    assert "100,000 bytes" in message


def test_too_many_bytes_in_chunks_of_a_body_of_unknown_length(strict: httpx.Client) -> None:
    refused(strict.post("/predict", content=chunked(1_000_000)), 413, "too_many_bytes")


def test_an_endless_upload_is_cut_off(strict: httpx.Client) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield bytes(2**20)

    # Whether a sender that is cut off still sees the answer is up to its network stack.
    with contextlib.suppress(httpx.TransportError):
        refused(strict.post("/predict", content=endless()), 413, "too_many_bytes")
    assert 64 <= sent < 200


def test_who_waits_for_a_word_before_sending_hears_of_it_at_once(strict: httpx.Client) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n"
    with connected(strict) as connection:
        connection.sendall(head)
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("size", [100_001, 500_000])
def test_too_many_bytes_in_a_form(strict: httpx.Client, size: int) -> None:
    refused(strict.post("/predict", files={"file": ("photo", bytes(size))}), 413, "too_many_bytes")


@pytest.mark.parametrize(
    "content", [bomb(), bomb(1001, 1000), bomb(60_000, 60_000)], ids=["900 MP", "just", "Pillow's"]
)
def test_too_many_pixels(strict: httpx.Client, content: bytes) -> None:
    assert len(content) < 2000
    started = time.monotonic()
    refused(strict.post("/predict", content=content), 413, "too_many_pixels")
    assert time.monotonic() - started < 1


def test_as_many_pixels_as_allowed(strict: httpx.Client) -> None:
    assert strict.post("/predict", content=encode(plain("cats", (1000, 1000)), "PNG")).status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"hello",
        b"%PDF-1.7\n%",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\x00\x00\x00\x18ftypheic" + bytes(100),
        encode(plain("cats"), "BMP"),
        encode(plain("cats"), "TIFF"),
        bytes(1000),
    ],
    ids=["text", "PDF", "SVG", "HEIC", "BMP", "TIFF", "zeros"],
)
def test_what_is_not_a_known_format(service: httpx.Client, content: bytes) -> None:
    response = service.post("/predict", content=content, headers={"content-type": "image/jpeg"})
    assert "JPEG, PNG, WEBP or GIF" in refused(response, 415, "unsupported_format")


@pytest.mark.parametrize(
    "content",
    [JPEG[: len(JPEG) // 2], JPEG[:200], JPEG[:4], PNG[: len(PNG) // 2], PNG[:20], PNG[:8]],
    ids=["half a JPEG", "start of a JPEG", "4 bytes", "half a PNG", "start of a PNG", "signature"],
)
def test_truncated_images(service: httpx.Client, content: bytes) -> None:
    refused(service.post("/predict", content=content), 422, "corrupt_image")
    refused(service.post("/predict", files={"file": ("photo.jpg", content)}), 422, "corrupt_image")


def test_no_image(service: httpx.Client) -> None:
    refused(service.post("/predict"), 422, "empty")
    refused(service.post("/predict", files={"file": ("photo.jpg", b"")}), 422, "empty")
    message = refused(service.post("/predict", files={"photo": ("photo.jpg", JPEG)}), 422, "missing_file")
    assert "'file'" in message
    refused(service.post("/predict", data={"file": "text"}, files={"x": b""}), 422, "missing_file")


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=x", "multipart/form-data; boundary="]
)
@pytest.mark.parametrize("body", [b"", b"nonsense", b"--x\r\nnonsense\r\n\r\n--x--", b"--x\r\n\r\nabc", b"--x--"])
def test_malformed_forms(service: httpx.Client, kind: str, body: bytes) -> None:
    response = service.post("/predict", content=body, headers={"content-type": kind})
    assert response.status_code == 422
    assert response.json()["error"]["code"] in {"malformed_form", "missing_file"}


def test_two_files(service: httpx.Client) -> None:
    response = service.post("/predict", files=[("file", ("a.jpg", JPEG)), ("file", ("b.jpg", JPEG))])
    refused(response, 422, "malformed_form")


def test_unknown_paths_and_methods(service: httpx.Client) -> None:
    assert "/nothing" in refused(service.get("/nothing"), 404, "not_found")
    assert refused(service.get("/predict"), 405, "method_not_allowed")


def test_slow_uploads(strict: httpx.Client) -> None:
    with connected(strict) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
        assert connection.recv(4096).startswith(b"HTTP/1.1 408 ")


def test_too_many_at_once(strict: httpx.Client) -> None:
    with connected(strict) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
        wait_until_in_flight(strict, 1)
        response = strict.post("/predict", content=PNG)
        refused(response, 503, "overloaded")
        assert response.headers["retry-after"] == "1"
        assert strict.get("/readyz").status_code == 200
    wait_until_in_flight(strict, 0)
    assert strict.post("/predict", content=PNG).status_code == 200


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_damaged_images_are_never_an_error_of_the_service(service: httpx.Client, kind: str) -> None:
    draw = random.Random(kind)  # noqa: S311 - not a secret
    image = encode(textured((60, 40)), kind)
    for _ in range(150):
        damaged = bytearray(image)
        for _ in range(draw.randint(1, 8)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        del damaged[draw.randrange(len(damaged)) :: draw.choice([1, 10**9])]
        response = service.post("/predict", content=bytes(damaged))
        assert response.status_code in {200, 413, 415, 422}, (response.text, bytes(damaged))


@contextlib.contextmanager
def connected(client: httpx.Client) -> Iterator[socket.socket]:
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=10) as connection:
        yield connection


def wait_until_in_flight(client: httpx.Client, number: int) -> None:
    deadline = time.monotonic() + 10
    while f"predictions_in_flight {number}.0" not in client.get("/metrics").text:
        assert time.monotonic() < deadline, f"never {number} in flight"


def test_the_drawn_bomb_is_a_png() -> None:
    assert io.BytesIO(bomb()).read(8) == PNG[:8]

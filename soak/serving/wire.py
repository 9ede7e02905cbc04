"""Requests that break the rules of HTTP, or go to their limits: RFC 9112 and what proxies and attackers make of it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from random import Random

from . import damage

_PIECES = 20
"""More are sent as one."""


@dataclass(frozen=True)
class Request:
    """What goes over a connection."""

    pieces: tuple[bytes, ...]
    """Sent one after the other; whoever answers early need not be sent the rest."""
    sound: bool = True
    """By the rules of HTTP: then there has to be an answer, and, if it is an error, one of the service itself."""
    path: str = "/predict"


def plain(body: bytes, *headers: tuple[str, str], method: str = "POST", path: str = "/predict") -> Request:
    """A request as it should be."""
    lines = [f"{method} {path} HTTP/1.1", "Host: service", *(f"{name}: {value}" for name, value in headers)]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
    return Request((head.encode("latin-1") + body,), path=path)


def _headed(
    body: bytes, *lines: bytes, start: bytes = b"POST /predict HTTP/1.1", host: bytes = b"Host: service"
) -> bytes:
    return b"\r\n".join((start, host, *lines, b"", body))


def other_length(body: bytes, draw: Random) -> Request:
    """A Content-Length that is wrong, no number, or there twice."""
    right = len(body)
    value = draw.choice(
        (
            *(b"%d" % number for number in (right + 1, right + 100_000, max(0, right - 1), 0, 2**63, 2**64, 10**30)),
            *(b"-1", b"+%d" % right, b"0x%x" % right, b"", b" ", b"1e3", b"%d, %d" % (right, right), b"\xff", b"1 1"),
        )
    )
    lines = [b"Content-Length: " + value]
    if not draw.randrange(3):
        lines.insert(draw.randrange(2), b"Content-Length: %d" % right)
    return Request((_headed(body, *lines),), sound=False)


def chunked(body: bytes, draw: Random) -> Request:
    """A body in chunks, as it should be, in pieces, with extensions and trailers."""
    size = draw.choice((1, 7, 500, 100_000))
    if len(body) > 500 * size:
        size = 10_000
    extension = draw.choice((b"", b"", b";a=b", b";" + b"a" * 100))
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    chunks = [b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces]
    head = _headed(b"", b"Transfer-Encoding: chunked")
    end = b"0\r\n" + draw.choice((b"", b"", b"X-Trailer: y\r\n")) + b"\r\n"
    if len(chunks) <= _PIECES:
        return Request((head, *chunks, end))
    return Request((head + b"".join(chunks) + end,))


def badly_chunked(body: bytes, draw: Random) -> Request:
    """Chunks whose sizes are wrong or no numbers, without an end, or with a Content-Length besides."""
    whole = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    content = draw.choice(
        (
            whole.removesuffix(b"0\r\n\r\n"),
            b"%x\r\n%s\r\n0\r\n\r\n" % (len(body) + 10, body),
            b"%x\r\n%s\r\n0\r\n\r\n" % (max(0, len(body) - 1), body),
            b"-1\r\n" + whole,
            b"xyz\r\n" + whole,
            b"f" * 20 + b"\r\n" + whole,
            b"\r\n" + whole,
            b"0" * draw.choice((100, 70_000)) + whole,
            b"%x;%s\r\n" % (len(body), b"a" * 70_000) + whole,
            whole.replace(b"\r\n", b"\n", 1),
            whole.removesuffix(b"\r\n") + b"X: y\r\n" * 3000,
            body,
        )
    )
    coding = draw.choice(
        (b"chunked", b"Chunked", b"gzip, chunked", b"chunked, chunked", b"identity", b"\x0bchunked", b"chunke")
    )
    lines = [b"Transfer-Encoding: " + coding]
    if draw.randrange(2):
        lines.insert(draw.randrange(2), b"Content-Length: %d" % draw.choice((len(content), 5, 0)))
    return Request((_headed(content, *lines),), sound=False)


def odd_headers(body: bytes, draw: Random) -> Request:
    """Headers that are too long, too many, not headers, or that ask for what is not done."""
    added = draw.choice(
        (
            b"X: " + b"y" * draw.choice((1000, 15_000, 70_000, 1_000_000)),
            b"\r\n".join(b"X-%d: y" % number for number in range(draw.choice((50, 5000)))),
            *(
                b"no colon",
                b": no name",
                b" folded",
                b"X : y",
                b"X\x00: y",
                b"X: \x00\x01\x7f",
                b"X: \xff\xfe",
                b"X:",
                b"\x80: y",
            ),
            *(
                b"Expect: 100-continue",
                b"Expect: nonsense",
                b"Upgrade: websocket\r\nConnection: Upgrade",
                b"Connection: close",
            ),
            *(
                b"Connection: keep-alive, \xff",
                b"Content-Encoding: gzip",
                b"Range: bytes=0-1",
                b"Host: other",
                b"Host:",
            ),
            *(b"Content-Type: ", b"Content-Type: a\r\nContent-Type: b", b"Accept: text/html", b"X-Forwarded-For: \xff"),
            b"Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\nConnection: Upgrade",
        )
    )
    return Request((_headed(body, added, b"Content-Length: %d" % len(body)),), sound=False)


def odd_start(body: bytes, draw: Random) -> Request:
    """Methods, targets, versions and hosts that are not those of the service, or of anyone."""
    start = draw.choice(
        (
            *(
                b"%s /predict HTTP/1.1" % method
                for method in (b"PUT", b"PATCH", b"TRACE", b"post", b"P\x00ST", b"X" * 3000, b"")
            ),
            *(
                b"POST %s HTTP/1.1" % target
                for target in (b"", b"*", b"predict", b"//predict", b"/predict/", b"/%ff%00", b"/\xff")
            ),
            *(b"POST /predict?%s HTTP/1.1" % query for query in (b"a" * 100_000, b"%", b"a=\xff", b"=&=&&")),
            *(
                b"POST %s HTTP/1.1" % target
                for target in (b"http://other/predict", b"/../predict", b"/page/../../x", b"/" + b"a" * 70_000)
            ),
            *(
                b"GET /page/%s HTTP/1.1" % path
                for path in (b"..%2f..%2fapp.py", b"%2e%2e/app.py", b"%00", b"a" * 5000, b"")
            ),
            *(
                b"POST /predict %s" % version
                for version in (b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/9.9", b"HTTP/1", b"", b"\xff")
            ),
            *(
                b"CONNECT other:443 HTTP/1.1",
                b"PRI * HTTP/2.0",
                b"POST /predict HTTP/1.1 HTTP/1.1",
                b"\x16\x03\x01\x02\x00\x01",
            ),
        )
    )
    host = draw.choice(
        (b"Host: service", b"Host: service", b"Host: [", b"Host: ]:x", b"Host: a b@c?d#e", b"Host: \xff", b"")
    )
    return Request((_headed(body, b"Content-Length: %d" % len(body), start=start, host=host),), sound=False)


def damaged(body: bytes, draw: Random) -> Request:
    """A request of which the head, or all of it, was damaged."""
    (whole,) = plain(body, ("Content-Type", "image/jpeg")).pieces
    return Request((damage.any_damage(whole[:150], draw) + whole[150:],), sound=False)


def in_pieces(body: bytes, draw: Random) -> Request:
    """A good request that comes in pieces, as over a bad line."""
    (whole,) = plain(body).pieces
    cuts = sorted({0, len(whole), *(draw.randrange(len(whole)) for _ in range(draw.randint(1, 12)))})
    return Request(tuple(whole[start:end] for start, end in itertools.pairwise(cuts)))


def broken_off(body: bytes, draw: Random) -> Request:
    """A good request of which the end never comes."""
    (whole,) = plain(body).pieces
    return Request((whole[: draw.randrange(1, len(whole))],), sound=False)


BROKEN = (other_length, badly_chunked, odd_headers, odd_start, damaged, broken_off)
SOUND = (chunked, in_pieces)

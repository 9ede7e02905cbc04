"""Multipart forms that no browser sends: with a photo in them or not, and always in the wrong way."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from . import damage

_HEADERS = (
    b'Content-Disposition: form-data; name="file"; filename="a.jpg"',
    b"content-disposition:form-data;name=file;filename=a.jpg",
    b'Content-Disposition: form-data; name="file"',
    b'Content-Disposition: form-data; filename="a.jpg"',
    b'Content-Disposition: attachment; name="file"; filename="a.jpg"',
    b"Content-Disposition: form-data",
    b"Content-Disposition: ",
    b"Content-Disposition",
    b": form-data",
    b"",
    b'Content-Disposition: form-data; name="file"; filename="\xff\xfe\x00.jpg"',
    b"Content-Disposition: form-data; name=\"file\"; filename*=utf-8''%ff%00%e2%82",
    b"Content-Disposition: form-data; name=\"file\"; filename*=utf-99''a.jpg",
    b'Content-Disposition: form-data; name="\xff"; filename="a.jpg"',
    b'Content-Disposition: form-data; name="file\x00"; filename="../../etc/passwd"',
    b'Content-Disposition: form-data; name="file"; name="other"; filename="a"; filename="b"',
    b'Content-Disposition: form-data; name="file; filename="a.jpg',
    b'Content-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: multipart/mixed; boundary=y',
    b'Content-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Transfer-Encoding: base64',
    b'Content-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: text/plain; charset=utf-99',
    b'Content-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Length: 1',
    b'Content-Disposition: form-data; name="file"; filename="a.jpg"\r\n folded: yes',
    b"X: y\r\n" * 300 + b'Content-Disposition: form-data; name="file"; filename="a.jpg"',
    b"X: " + b"y" * 70_000,
    b"X" * 70_000 + b": y",
    b'Content-Disposition: form-data; name="' + b"f" * 20_000 + b'"; filename="a.jpg"',
    b'Content-Disposition: form-data; name="file"; filename="' + b"f" * 20_000 + b'"',
)
_TYPES = (
    "multipart/form-data; boundary=x",
    "multipart/form-data; boundary=x",
    'Multipart/Form-Data; Boundary="x"',
    "multipart/form-data; boundary=x; charset=utf-8",
    "multipart/form-data; boundary=x; charset=utf-99",
    "multipart/form-data; charset=utf-16; boundary=x",
    "multipart/form-data; charset=idna; boundary=x",
    "multipart/form-data; charset=rot13; boundary=x",
    "multipart/form-data; boundary=x; charset=",
    "multipart/form-data; boundary=y",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary",
    "multipart/form-data;",
    "multipart/form-data",
    "multipart/form-data; boundary=x; boundary=y",
    "multipart/form-data; boundary*=utf-8''x",
    "multipart/form-data; boundary*=utf-8''%e2%82%ac",
    "multipart/form-data; boundary*=utf-99''x",
    "multipart/form-data; boundary*0=x; boundary*1=",
    "multipart/form-data; boundary=" + "x" * 3000,
    "multipart/form-data; boundary=\xff\xfe",
    'multipart/form-data; boundary="x',
    "multipart/mixed; boundary=x",
    "multipart/form-data, multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "application/json",
    "text/plain; charset=utf-99",
    "image/jpeg",
    "image/svg+xml",
    "",
    ";",
    "\xff",
)


@dataclass(frozen=True)
class Form:
    """The value of the Content-Type header, and the body."""

    content_type: str
    body: bytes


def _part(headers: bytes, content: bytes) -> bytes:
    return b"--x\r\n" + headers + b"\r\n\r\n" + content + b"\r\n"


def proper(content: bytes) -> Form:
    """A form as a browser sends it."""
    return Form(_TYPES[0], _part(_HEADERS[0] + b"\r\nContent-Type: image/jpeg", content) + b"--x--\r\n")


def odd_headers(content: bytes, draw: Random) -> Form:
    """Parts with headers that are missing, too long, of no charset or doubled; another type of the whole."""
    parts = b"".join(_part(draw.choice(_HEADERS), content) for _ in range(draw.choice((1, 1, 1, 2, 3))))
    return Form(draw.choice(_TYPES), parts + b"--x--\r\n")


def many_parts(content: bytes, draw: Random) -> Form:
    """Thousands of fields or files, or the photo after all of them."""
    number = draw.choice((2, 16, 17, 100, 10_000))
    field = draw.choice(
        (
            _part(b'Content-Disposition: form-data; name="a"', b"b"),
            _part(b'Content-Disposition: form-data; name="a"; filename="a"', b"b"),
            _part(b'Content-Disposition: form-data; name="file"', b""),
            b"--x\r\n\r\n\r\n",
            b"--x\r\n",
        )
    )
    photo = draw.choice((b"", _part(_HEADERS[0], content)))
    return Form(_TYPES[0], draw.choice((field * number + photo, photo + field * number)) + b"--x--\r\n")


def nested(content: bytes, draw: Random) -> Form:
    """A form in a form in a form."""
    body = content
    for level in range(draw.randint(1, 30)):
        body = b"--%d\r\n%s\r\n\r\n%s\r\n--%d--\r\n" % (level, _HEADERS[17], body, level)
    return Form(_TYPES[0], _part(draw.choice((_HEADERS[0], _HEADERS[17])), body) + b"--x--\r\n")


def odd_frame(content: bytes, draw: Random) -> Form:
    """With other line ends or boundaries, something before or after it, or cut off."""
    body = proper(content).body
    changed = (
        body.replace(b"\r\n", b"\n"),
        body.replace(b"\r\n", b"\r"),
        body.replace(b"--x", b"--x "),
        body.removesuffix(b"--x--\r\n"),
        body.removesuffix(b"--\r\n"),
        body + body,
        b"preamble\r\n" * draw.choice((1, 10_000)) + body,
        body + b"epilogue\r\n" * draw.choice((1, 10_000)),
        b"\r\n" * draw.choice((1, 50_000)) + body,
        body[: draw.randrange(len(body))],
        body[draw.randrange(len(body)) :],
        b"--x" * draw.choice((2, 20_000)) + body,
        content,
        b"",
        b"--x--",
    )
    return Form(_TYPES[0], draw.choice(changed))


def damaged(content: bytes, draw: Random) -> Form:
    """A form that was damaged around the photo, which is small so that the form is hit."""
    return Form(_TYPES[0], damage.any_damage(proper(content[:40]).body, draw))


ALL = (odd_headers, many_parts, nested, odd_frame, damaged)

"""Bodies of inference requests that no client of the Open Inference Protocol sends."""

from __future__ import annotations

import base64
import json
import struct
from random import Random
from typing import Any

from . import damage, wire

_SIDE = 16
"""The width and height of the pictures that the service's small model takes."""
_MODEL = "/v2/models/unknown"
_PATHS = (f"{_MODEL}/infer", f"{_MODEL}/versions/unknown/infer")
_ODD_PATHS = ("/v2/models/other/infer", f"{_MODEL}/versions/9/infer", "/v2/models/%ff%00/infer", "/v2/models//infer")
_HEADER = "Inference-Header-Content-Length"
_ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 1.5, 2**31, 2**63, 2**64, 10**400, float("inf"), float("nan"), 1e300),
    *(
        "",
        "images",
        "FP32",
        "UINT8",
        "FP16",
        "BYTES",
        "\x00",
        "\ud800",
        "ÿ" * 300,
        "====",
        [],
        {},
        [[]],
        [None],
        [1, "a"],
    ),
    *([0] * 3, [1] * 70, [[1, 2], [3]], {"a": {}}, [[[[0.5] * 3] * 16] * 16], ["QUJD"] * 65),
)


def _photos(content: bytes, draw: Random) -> tuple[dict[str, Any], bytes]:
    """A good request with a photo as a file, in JSON or behind it."""
    photo: dict[str, Any] = {"name": "photos", "datatype": "BYTES", "shape": draw.choice(([1], [1, 1]))}
    if draw.randrange(2):
        return {"inputs": [photo | {"data": [base64.b64encode(content).decode()]}]}, b""
    binary = struct.pack("<I", len(content)) + content
    return {"inputs": [photo | {"parameters": {"binary_data_size": len(binary)}}]}, binary


def _images(_: bytes, draw: Random) -> tuple[dict[str, Any], bytes]:
    """A good request with a prepared picture."""
    number = draw.choice((1, 2))
    image: dict[str, Any] = {"name": "images", "datatype": "UINT8", "shape": [number, _SIDE, _SIDE, 3]}
    if draw.randrange(2):
        return {"inputs": [image | {"data": [draw.randrange(256)] * (number * _SIDE * _SIDE * 3)}]}, b""
    binary = draw.randbytes(4 * number * _SIDE * _SIDE * 3)
    return {"inputs": [image | {"datatype": "FP32", "parameters": {"binary_data_size": len(binary)}}]}, binary


def _good(content: bytes, draw: Random) -> tuple[dict[str, Any], bytes]:
    message, binary = draw.choice((_photos, _images))(content, draw)
    message["id"] = "7"
    message["outputs"] = [{"name": "probabilities", "parameters": {"binary_data": bool(draw.randrange(2))}}]
    return message, binary


def _replaced(value: Any, draw: Random) -> Any:
    """The same with something odd at one place, at any depth."""
    if isinstance(value, dict) and value and draw.randrange(6):
        key = draw.choice(sorted(value))
        if not draw.randrange(4):
            return {name: one for name, one in value.items() if name != key}
        return value | {key: _replaced(value[key], draw)}
    if isinstance(value, list) and value and draw.randrange(6):
        at = draw.randrange(len(value))
        return [*value[:at], _replaced(value[at], draw), *value[at + 1 :]]
    return draw.choice(_ODD)


def _sent(head: bytes, binary: bytes, draw: Random) -> wire.Request:
    length = len(head)
    odd = (0, -1, length - 1, length + 1, len(head + binary) + 1, "9" * 5000, "+1", "1e3", "", "²")
    told = length if draw.randrange(4) else draw.choice(odd)
    headers = [("Content-Type", draw.choice(("application/json", "application/octet-stream", "")))]
    if binary or told != length:
        headers.append((_HEADER, str(told)))
    path = draw.choice(_PATHS) if draw.randrange(20) else draw.choice(_ODD_PATHS)
    return wire.plain(head + binary, *headers, path=path)


def odd_values(content: bytes, draw: Random) -> wire.Request:
    """Values of other types, sizes or names than are asked for."""
    message, binary = _good(content, draw)
    for _ in range(draw.choice((0, 1, 1, 1, 2, 4))):
        replaced = _replaced(message, draw)
        message = replaced if isinstance(replaced, dict) else message
    return _sent(json.dumps(message).encode(), binary, draw)


def odd_messages(content: bytes, draw: Random) -> wire.Request:
    """What is no request, or no JSON, or too much of it."""
    message, binary = _good(content, draw)
    head = json.dumps(message).encode()
    heads = (
        *(b"", b"null", b"[]", b"1", b'"a"', b"{", b"\xff\xfe", head[:-1], head + b"}", head.replace(b'"', b"'")),
        *(b"[" * 100_000, b'{"a":' * 50_000, b'{"inputs":' + b"[" * 900 + b"]" * 900 + b"}", b"9" * 10_000),
        b'{"inputs": [%s]}' % b",".join([json.dumps(one).encode() for one in message["inputs"]] * 300),
        b'{"inputs": [], "inputs": {}}',
        b'{"inputs": "' + b"a" * 5_000_000 + b'"}',
        head.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + head,
    )
    return _sent(draw.choice(heads), draw.choice((binary, b"", bytes(100))), draw)


def damaged(content: bytes, draw: Random) -> wire.Request:
    """A good message with some of its bytes damaged, in its JSON or its tensors."""
    message, binary = _good(content, draw)
    head = json.dumps(message).encode()
    if binary and draw.randrange(2):
        return _sent(head, damage.any_damage(binary, draw), draw)
    return _sent(damage.any_damage(head, draw), binary, draw)


ALL = (odd_values, odd_messages, damaged)

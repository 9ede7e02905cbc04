"""Tensors as they stand in a message: as JSON, or as bytes behind it."""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_LENGTH = struct.Struct("<I")

_NUMBERS: dict[str, tuple[npt.DTypeLike, str]] = {"FP32": ("<f4", "iuf"), "UINT8": ("u1", "iu")}
"""The type of a datatype's elements, and the kinds of numbers that may stand for them in JSON."""


class TensorError(ValueError):
    """A tensor that can't be read; the text says why."""


@dataclass(frozen=True)
class Tensor:
    """An input of a request; exactly one of `data`, JSON, and `raw`, bytes, is set."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Any = None
    raw: bytes | None = None

    def numbers(self) -> npt.NDArray[Any]:
        """The elements of a tensor of FP32 or UINT8, in its shape. Raises TensorError."""
        element, kinds = _NUMBERS[self.datatype]
        if self.raw is not None:
            self._expect(len(self.raw), math.prod(self.shape) * np.dtype(element).itemsize, "bytes")
            array = np.frombuffer(self.raw, dtype=element).reshape(self.shape)
        else:
            array = self._from_json(element, kinds)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise TensorError(f"input {self.name!r} has values that are no finite numbers")
        return array

    def texts(self) -> list[bytes]:
        """The elements of a tensor of BYTES; in JSON they stand as base64. Raises TensorError."""
        elements = _base64(self.name, self.data) if self.raw is None else _split(self.name, self.raw)
        self._expect(len(elements), math.prod(self.shape), "elements")
        return elements

    def _from_json(self, element: npt.DTypeLike, kinds: str) -> npt.NDArray[Any]:
        try:
            given = np.array(self.data)
        except ValueError as error:
            raise TensorError(f"the data of input {self.name!r} are no array of numbers") from error
        if given.dtype.kind not in kinds:
            raise TensorError(f"the data of input {self.name!r} are no array of numbers of {self.datatype}")
        self._expect(given.size, math.prod(self.shape), "elements")
        limits = np.finfo(element) if "f" in kinds else np.iinfo(np.dtype(element))
        if given.size and (given.min() < limits.min or given.max() > limits.max):
            raise TensorError(f"the data of input {self.name!r} have values that {self.datatype} can't hold")
        return given.astype(element).reshape(self.shape)

    def _expect(self, given: int, expected: int, what: str) -> None:
        if given != expected:
            shape = list(self.shape)
            raise TensorError(f"input {self.name!r} has {given} {what}; shape {shape} needs {expected}")


def _base64(name: str, data: object) -> list[bytes]:
    if not isinstance(data, list) or not all(isinstance(text, str) for text in data):
        raise TensorError(f"the data of input {name!r} must be a list of texts in base64")
    try:
        return [base64.b64decode(text, validate=True) for text in data]
    except (binascii.Error, ValueError) as error:
        raise TensorError(f"the data of input {name!r} are not base64: {error}") from error


def _split(name: str, raw: bytes) -> list[bytes]:
    """Elements that each stand behind their length."""
    elements, at = [], 0
    while at < len(raw):
        start = at + _LENGTH.size
        at = start + (_LENGTH.unpack_from(raw, at)[0] if start <= len(raw) else 0)
        if at > len(raw) or start > len(raw):
            raise TensorError(f"input {name!r} ends within an element; each is four bytes of length and the content")
        elements.append(raw[start:at])
    return elements


def joined(texts: Sequence[bytes]) -> bytes:
    """A tensor of BYTES as it stands in bytes."""
    return b"".join(_LENGTH.pack(len(text)) + text for text in texts)

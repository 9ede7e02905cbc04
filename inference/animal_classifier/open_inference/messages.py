"""Requests and responses of inference."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .tensors import Tensor, TensorError, joined

HEADER_LENGTH = "Inference-Header-Content-Length"
"""The HTTP header that tells how many bytes of a body are JSON; all others are those of binary tensors."""

MAX_JSON = 4 * 2**20
"""Bytes of JSON in a request: read into memory, they take twenty times as many. Binary tensors have no such limit."""


@dataclass(frozen=True)
class InferenceRequest:
    """What is asked for."""

    id: str | None
    inputs: tuple[Tensor, ...]
    outputs: Mapping[str, bool]
    """The names of the outputs that are wanted, all if empty, and whether each is wanted as bytes."""
    binary_outputs: bool
    """Whether the others are wanted as bytes."""


def parse(body: bytes, header_length: int | None) -> InferenceRequest:
    """Read a request. Raises TensorError for whatever is wrong with it."""
    length = len(body) if header_length is None else header_length
    if not 0 < length <= min(len(body), MAX_JSON):
        raise TensorError(
            f"the JSON of a request must have 1 to {MAX_JSON:,} bytes, and no more than the body, not {length:,}; "
            "send large tensors as binary data"
        )
    try:
        message = _object(json.loads(body[:length]), "the request")
    except (ValueError, RecursionError) as error:
        raise TensorError(f"the request is not JSON: {error}") from error
    outputs = {}
    for output in _objects(message.get("outputs") or [], "outputs"):
        parameters = _object(output.get("parameters") or {}, "parameters of an output")
        if "classification" in parameters:
            raise TensorError("outputs as classifications are not supported; ask for the output 'label'")
        outputs[_text(output.get("name"), "the name of an output")] = bool(parameters.get("binary_data"))
    identity = message.get("id")
    return InferenceRequest(
        id=None if identity is None else _text(identity, "id"),
        inputs=tuple(_inputs(message, body[length:])),
        outputs=outputs,
        binary_outputs=bool(_object(message.get("parameters") or {}, "parameters").get("binary_data_output")),
    )


def _inputs(message: Mapping[str, Any], binary: bytes) -> list[Tensor]:
    tensors, taken = [], 0
    for given in _objects(message.get("inputs"), "inputs"):
        name = _text(given.get("name"), "the name of an input")
        shape = given.get("shape")
        if not isinstance(shape, list) or not all(type(side) is int and side >= 0 for side in shape):
            raise TensorError(f"the shape of input {name!r} must be a list of whole numbers")
        datatype = _text(given.get("datatype"), f"the datatype of input {name!r}")
        size = _object(given.get("parameters") or {}, f"parameters of input {name!r}").get("binary_data_size")
        if (size is None) == ("data" not in given):
            raise TensorError(f"input {name!r} must have either data or the parameter binary_data_size")
        if size is None:
            tensors.append(Tensor(name, datatype, tuple(shape), data=given["data"]))
            continue
        if type(size) is not int or not 0 <= size <= len(binary) - taken:
            raise TensorError(f"input {name!r} has binary_data_size {size}; {len(binary) - taken} bytes are left")
        tensors.append(Tensor(name, datatype, tuple(shape), raw=binary[taken : taken + size]))
        taken += size
    if taken != len(binary):
        raise TensorError(f"{len(binary) - taken} bytes of binary data belong to no input")
    return tensors


def respond(
    request: InferenceRequest, model: str, version: str, outputs: Mapping[str, npt.NDArray[np.float32] | Sequence[str]]
) -> tuple[bytes, int | None]:
    """The body of the response, and if binary tensors follow its JSON, how many bytes that has."""
    described, binary = [], []
    for name in request.outputs or outputs:
        value = outputs[name]
        numbers = value if isinstance(value, np.ndarray) else None
        datatype, shape = ("BYTES", [len(value)]) if numbers is None else ("FP32", list(numbers.shape))
        output: dict[str, Any] = {"name": name, "datatype": datatype, "shape": shape}
        if request.outputs.get(name, request.binary_outputs):
            raw = joined([text.encode() for text in value]) if numbers is None else numbers.astype("<f4").tobytes()
            output["parameters"] = {"binary_data_size": len(raw)}
            binary.append(raw)
        else:
            output["data"] = list(value) if numbers is None else numbers.ravel().tolist()
        described.append(output)
    message: dict[str, Any] = {"model_name": model, "model_version": version, "outputs": described}
    if request.id is not None:
        message["id"] = request.id
    head = json.dumps(message).encode()
    return b"".join((head, *binary)), len(head) if binary else None


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TensorError(f"{what} must be a JSON object")
    return value


def _objects(value: object, what: str) -> list[Mapping[str, Any]]:
    if not isinstance(value, list):
        raise TensorError(f"{what} must be a list")
    return [_object(each, f"each of the {what}") for each in value]


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise TensorError(f"{what} must be a text")
    return value

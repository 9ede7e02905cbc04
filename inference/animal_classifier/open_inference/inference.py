"""What the protocol offers of the one model: its metadata, and inference."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import numpy as np
from starlette.requests import Request

from ..endpoint import Answer
from ..errors import ApiError
from ..model import Pixels, Probabilities
from ..service import Service
from .messages import HEADER_LENGTH, InferenceRequest, parse, respond
from .tensors import Tensor, TensorError

PHOTOS, IMAGES = "photos", "images"
PROBABILITIES, LABEL = "probabilities", "label"

_BAD_PHOTO = (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.UNPROCESSABLE_ENTITY)
"""What the protocol knows only as a bad request."""

_MOST_DIGITS = 19
"""Of a length; Python does not even read a number of thousands of digits."""

MAX_IMAGES = 64
"""In one request; all wait in the one queue like those of others."""


class Inference:
    """Answers for one model under its name and version."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.model = service.settings.model_name
        self.version = service.settings.model_version
        classifier = service.classifier
        self._shape = (classifier.height, classifier.width, 3)
        # Large JSON is read one after the other, since it takes much memory for a moment.
        self._reading = asyncio.Lock()

    def metadata(self) -> dict[str, Any]:
        """What goes in, as one of the two inputs, and what comes out."""
        labels = len(self._service.classifier.labels)
        return {
            "name": self.model,
            "versions": [self.version],
            "platform": "onnxruntime_onnx",
            "inputs": [
                {"name": PHOTOS, "datatype": "BYTES", "shape": [-1]},
                {"name": IMAGES, "datatype": "FP32", "shape": [-1, *self._shape]},
            ],
            "outputs": [
                {"name": PROBABILITIES, "datatype": "FP32", "shape": [-1, labels]},
                {"name": LABEL, "datatype": "BYTES", "shape": [-1]},
            ],
        }

    def find(self, model: str, version: str | None) -> None:
        """Raise an `ApiError` unless that is the model, in its version if any is named."""
        if model != self.model:
            raise ApiError(HTTPStatus.NOT_FOUND, "unknown_model", f"there is no model {model!r}, but {self.model!r}")
        if version not in {None, self.version}:
            message = f"model {model!r} has no version {version!r}, but {self.version!r}"
            raise ApiError(HTTPStatus.NOT_FOUND, "unknown_version", message)

    async def infer(self, request: Request) -> Answer:
        """Answer a request for inference. Raises an `ApiError`."""
        with await self._service.uploads.admit(request) as admitted:
            body = await self._service.uploads.body(request, admitted)
            try:
                asked, images = await self._read(request, body)
            except TensorError as error:
                raise ApiError(HTTPStatus.BAD_REQUEST, "malformed_inference", str(error)) from error
            probabilities = await self._classify(images)
        labels = [self._service.prediction(row).label for row in probabilities]
        content, length = respond(
            asked, self.model, self.version, {PROBABILITIES: np.stack(probabilities), LABEL: labels}
        )
        if length is None:
            return Answer(content)
        return Answer(content, "application/octet-stream", headers={HEADER_LENGTH: str(length)})

    async def _classify(self, images: Sequence[bytes | Pixels]) -> list[Probabilities]:
        try:
            return await self._service.classify(images)
        except ApiError as error:
            if error.status not in _BAD_PHOTO:
                raise
            raise ApiError(HTTPStatus.BAD_REQUEST, error.code, str(error)) from error

    async def _read(self, request: Request, body: bytes) -> tuple[InferenceRequest, Sequence[bytes | Pixels]]:
        if encoding := request.headers.get("content-encoding"):
            raise TensorError(f"the content-encoding {encoding!r} is not supported")
        length = request.headers.get(HEADER_LENGTH)
        if length is not None and not (length.isascii() and length.isdecimal() and len(length) <= _MOST_DIGITS):
            raise TensorError(f"{HEADER_LENGTH} must be a number, not {length[:_MOST_DIGITS]!r}")
        async with self._reading:
            return await asyncio.to_thread(self._parse, body, None if length is None else int(length))

    def _parse(self, body: bytes, length: int | None) -> tuple[InferenceRequest, Sequence[bytes | Pixels]]:
        asked = parse(body, length)
        if unknown := sorted(asked.outputs.keys() - {PROBABILITIES, LABEL}):
            raise TensorError(f"there is no output {unknown[0]!r}, but {PROBABILITIES!r} and {LABEL!r}")
        if len(asked.inputs) != 1:
            raise TensorError(f"a request must have one input, {PHOTOS!r} or {IMAGES!r}, not {len(asked.inputs)}")
        return asked, self._images(asked.inputs[0])

    def _images(self, tensor: Tensor) -> Sequence[bytes | Pixels]:
        if tensor.name == PHOTOS:
            self._expect(tensor, datatypes=("BYTES",), shapes=((), (1,)))
            return tensor.texts()
        if tensor.name == IMAGES:
            self._expect(tensor, datatypes=("FP32", "UINT8"), shapes=(self._shape,))
            return list(tensor.numbers())
        raise TensorError(f"there is no input {tensor.name!r}, but {PHOTOS!r} and {IMAGES!r}")

    @staticmethod
    def _expect(tensor: Tensor, *, datatypes: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> None:
        if tensor.datatype not in datatypes:
            raise TensorError(f"input {tensor.name!r} must be of {' or '.join(datatypes)}, not {tensor.datatype!r}")
        if not tensor.shape or tensor.shape[1:] not in shapes:
            expected = " or ".join(str(["N", *shape]).replace("'", "") for shape in shapes)
            raise TensorError(f"input {tensor.name!r} must have the shape {expected}, not {list(tensor.shape)}")
        if not 0 < tensor.shape[0] <= MAX_IMAGES:
            raise TensorError(f"a request may have 1 to {MAX_IMAGES} images, not {tensor.shape[0]}")


def error_body(error: ApiError) -> bytes:
    """The protocol's body of an answer that is an error."""
    return json.dumps({"error": str(error)}, ensure_ascii=False).encode()

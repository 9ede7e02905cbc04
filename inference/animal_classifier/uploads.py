"""Receives a photo: as the field `file` of a multipart form, or as the plain body."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import BinaryIO

from fastapi import Request
from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from .errors import ApiError

FIELD = "file"

_ENVELOPE = 64 * 2**10
"""Bytes that a form may have around its file."""

_DRAINED = 64 * 2**20
"""Bytes read and dropped of a body that is too large: who is cut off while sending seldom sees the answer."""

_CLOSE = {"Connection": "close"}
"""Ends the connection after the answer; else the rest of the body would be waited for."""


class _InMemoryParser(MultiPartParser):
    """Keeps files in memory, where the size is bounded already: the file system may be read-only."""

    spool_max_size = sys.maxsize


async def receive_image(request: Request, *, max_bytes: int, seconds: float) -> BinaryIO:
    """The photo in a request, as a file in memory."""
    try:
        async with asyncio.timeout(seconds):
            image = await _receive(request, max_bytes)
    except TimeoutError as error:
        raise ApiError(
            HTTPStatus.REQUEST_TIMEOUT, "upload_too_slow", f"the upload took more than {seconds:g} seconds", _CLOSE
        ) from error
    except ClientDisconnect as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, "upload_broken_off", "the connection ended during the upload") from error
    if not image.seek(0, io.SEEK_END):
        raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "empty", "there is no image: the content is empty")
    image.seek(0)
    return image


async def _receive(request: Request, max_bytes: int) -> BinaryIO:
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() == "multipart/form-data":
        return await _receive_form(request, max_bytes)
    image = io.BytesIO()
    async for chunk in _limited(request, max_bytes, max_bytes):
        image.write(chunk)
    return image


async def _receive_form(request: Request, max_bytes: int) -> BinaryIO:
    parser = _InMemoryParser(
        request.headers, _limited(request, max_bytes + _ENVELOPE, max_bytes), max_files=1, max_fields=16
    )
    try:
        form = await parser.parse()
    except (MultiPartException, FormParserError, UnicodeDecodeError) as error:
        raise ApiError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "malformed_form", f"the multipart form can't be read: {error}"
        ) from error
    file = form.get(FIELD)
    if not isinstance(file, UploadFile):
        raise ApiError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "missing_file", f"the form has no file in a field named {FIELD!r}"
        )
    if file.size is not None and file.size > max_bytes:
        raise _too_large(max_bytes)
    return file.file


async def _limited(request: Request, limit: int, max_bytes: int) -> AsyncGenerator[bytes, None]:
    """The chunks of the body, as long as they are no more than `limit` bytes."""
    received = int(request.headers.get("content-length") or 0)
    too_large = received > limit
    if too_large and "100-continue" in request.headers.get("expect", "").lower():
        # The sender waits for this answer before it sends anything.
        raise _too_large(max_bytes, _CLOSE)
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        too_large = too_large or received > limit
        if not too_large:
            yield chunk
        elif received > _DRAINED:
            raise _too_large(max_bytes, _CLOSE)
    if too_large:
        raise _too_large(max_bytes)


def _too_large(max_bytes: int, headers: dict[str, str] | None = None) -> ApiError:
    message = f"the image file is too large; at most {max_bytes:,} bytes are allowed"
    return ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_many_bytes", message, headers)

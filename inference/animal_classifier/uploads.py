"""Receives what is to be classified: a photo as the field `file` of a multipart form, or a plain body."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from http import HTTPStatus
from typing import TypeVar

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from .admission import Admission, Admitted
from .errors import ApiError

FIELD = "file"

_ENVELOPE = 64 * 2**10
"""Bytes that a form may have around its file."""

_MAX_PARTS = 17
"""Of a form: its file, and some fields that nobody asked for."""

_DRAINED = 64 * 2**20
"""Bytes read and dropped of a body that is not taken: who is cut off while sending seldom sees the answer."""

Received = TypeVar("Received")


class Uploads:
    """Takes files of at most `max_bytes`, each within so many seconds. All that it raises is an `ApiError`."""

    def __init__(self, admission: Admission, *, max_bytes: int, seconds: float) -> None:
        self._admission = admission
        self._max_bytes = max_bytes
        self._seconds = seconds

    async def admit(self, request: Request) -> Admitted:
        """Let a request in before its body is read, or turn it away.

        A body of a plain size that is not wanted is left to the server, which drops it as it comes: the client has its
        answer at once, and keeps its connection. Any other is dropped here, up to a bound.
        """
        length, limit = _told_length(request), self._limit(request)
        try:
            return self._admission.admit(min(length or 0, limit))
        except ApiError as error:
            if _waits_for_a_word(request):
                raise error.closing() from error
            if length is None or length > limit:
                await self._in_time(_drop(request.stream(), error))
            raise

    async def photo(self, request: Request, admitted: Admitted) -> bytes:
        """The image file in a request."""
        is_form = _is_form(request)
        image = await self._in_time(
            self._file_of_form(request, admitted) if is_form else self._whole(request, admitted)
        )
        if not image:
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "empty", "there is no image: the content is empty")
        return image

    async def body(self, request: Request, admitted: Admitted) -> bytes:
        """The whole body of a request."""
        return await self._in_time(self._whole(request, admitted))

    async def _in_time(self, receiving: Awaitable[Received]) -> Received:
        try:
            async with asyncio.timeout(self._seconds):
                return await receiving
        except TimeoutError as error:
            message = f"the upload took more than {self._seconds:g} seconds"
            raise ApiError(HTTPStatus.REQUEST_TIMEOUT, "upload_too_slow", message).closing() from error
        except ClientDisconnect as error:
            message = "the connection ended during the upload"
            raise ApiError(HTTPStatus.BAD_REQUEST, "upload_broken_off", message) from error

    async def _whole(self, request: Request, admitted: Admitted) -> bytes:
        return b"".join([chunk async for chunk in self._chunks(request, admitted)])

    async def _file_of_form(self, request: Request, admitted: Admitted) -> bytes:
        """The content of the only file of a form."""
        try:
            form = _Form(request.headers["content-type"])
            async for chunk in self._chunks(request, admitted):
                form.feed(chunk)
            content = form.file()
        except MultipartError as error:
            message = f"the multipart form can't be read: {error}"
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "malformed_form", message) from error
        if content is None:
            message = f"the form has no file in a field named {FIELD!r}"
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "missing_file", message)
        if len(content) > self._max_bytes:
            raise self._too_large()
        return content

    async def _chunks(self, request: Request, admitted: Admitted) -> AsyncGenerator[bytes, None]:
        """The body as it comes, as long as it is not too large; the rest of one that is too large is dropped."""
        length, limit = _told_length(request) or 0, self._limit(request)
        refusal = self._too_large() if length > limit else None
        if refusal and _waits_for_a_word(request):
            raise refusal.closing()
        received, stream = 0, request.stream()
        async for chunk in stream:
            received += len(chunk)
            try:
                if received > limit or refusal:
                    raise refusal or self._too_large()
                admitted.grow(received)
            except ApiError as error:
                await _drop(stream, error)
                raise
            yield chunk

    def _limit(self, request: Request) -> int:
        return self._max_bytes + _ENVELOPE if _is_form(request) else self._max_bytes

    def _too_large(self) -> ApiError:
        message = f"the image file is too large; at most {self._max_bytes:,} bytes are allowed"
        return ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_many_bytes", message)


class _Form:
    """A multipart form, of which only the content of the field `file` is kept."""

    def __init__(self, content_type: str) -> None:
        _, options = parse_options_header(content_type)
        boundary = options.get("boundary", "").encode("latin-1")
        self._parser = PushMultipartParser(boundary, max_segment_count=_MAX_PARTS)
        self._wanted = False
        self._files = 0
        self._content: list[bytes] | None = None

    def feed(self, chunk: bytes) -> None:
        """Take the next part of the body. Raises a `MultipartError`."""
        for event in self._parser.parse(chunk):
            if isinstance(event, MultipartSegment):
                self._files += event.filename is not None
                self._wanted = event.filename is not None and event.name == FIELD
                if self._files > 1:
                    raise MultipartError("it has more than one file")
                if self._wanted:
                    self._content = []
            elif event and self._wanted and self._content is not None:
                self._content.append(bytes(event))

    def file(self) -> bytes | None:
        """The content of the file, if there is one. Raises a `MultipartError` if the form is not complete."""
        self._parser.close()
        return None if self._content is None else b"".join(self._content)


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "multipart/form-data"


def _told_length(request: Request) -> int | None:
    length = request.headers.get("content-length")
    return None if length is None else int(length)


def _waits_for_a_word(request: Request) -> bool:
    """Whether the client sends its body only once it is told to go on."""
    return "100-continue" in request.headers.get("expect", "").lower()


async def _drop(stream: AsyncGenerator[bytes, None], refusal: ApiError) -> None:
    """Read what is left of a body; if that is too much, raise the refusal as one that ends the connection."""
    dropped = 0
    async for chunk in stream:
        dropped += len(chunk)
        if dropped > _DRAINED:
            raise refusal.closing()

"""Browses the workspace's storage, shows texts and pictures, and hands files out.

What jobs wrote is never shown as a page of its own: a download is an attachment without a type that a browser runs.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ..blobs import DATASTORES
from . import texts
from .site import Site, whole_number
from .storage import NoSuchFile, is_text

_PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
_SNIFFED = 4096


def _picture(path: str) -> str | None:
    """The type of a picture that cannot hold a script (SVG can), by the file's name."""
    return _PICTURES.get(PurePosixPath(path).suffix.lower())


def _crumbs(path: str) -> list[tuple[str, str]]:
    """The folders on the way to a path, and its last part, each with its own path."""
    parts = path.rstrip("/").split("/") if path else []
    return [(part, "/".join(parts[: i + 1]) + ("/" if i + 1 < len(parts) else "")) for i, part in enumerate(parts)]


def routes(site: Site) -> list[Route]:
    """The datastores, folders and files in them, and downloads."""
    storage = site.storage

    def stores(request: Request) -> Response:
        return site.page(request, "storage.html", stores=DATASTORES)

    def browse(request: Request) -> Response:
        container, path = request.path_params["container"], request.query_params.get("path", "")
        if (total := storage.size(container, path)) is not None:
            return show(request, container, path, total)
        folder = path if not path or path.endswith("/") else f"{path}/"
        listing = storage.listing(container, folder, request.query_params.get("following"))
        if not listing.entries and folder and not request.query_params.get("following"):
            raise NoSuchFile(f"{container}/{path}")
        return site.page(
            request, "folder.html", container=container, path=folder, crumbs=_crumbs(folder), listing=listing
        )

    def show(request: Request, container: str, path: str, total: int) -> Response:
        start = whole_number(request, "after", 0)
        is_picture = _picture(path) is not None
        readable = not is_picture and is_text(storage.piece(container, path, 0, _SNIFFED).data)
        return site.page(
            request,
            "file.html",
            container=container,
            path=path,
            crumbs=_crumbs(path),
            total=total,
            is_picture=is_picture,
            text=texts.after(storage, container, path, start) if readable else None,
        )

    def download(request: Request) -> Response:
        container, path = request.path_params["container"], request.query_params.get("path", "")
        total = storage.size(container, path)
        if total is None:
            raise NoSuchFile(f"{container}/{path}")
        name = PurePosixPath(path).name
        return StreamingResponse(
            storage.chunks(container, path),
            media_type=_picture(path) or "application/octet-stream",
            headers={
                "Content-Length": str(total),
                "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            },
        )

    return [
        Route("/files", stores),
        Route("/files/{container}", browse),
        Route("/files/{container}/download", download),
    ]

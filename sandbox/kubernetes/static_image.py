"""An image whose only content is one static binary: made without docker, for the container runtime or a registry."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
USER = "65532:65532"


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class StaticImage:
    """The binary is `/app` in the image and its entry point; the user is an unprivileged one."""

    layer: bytes
    config: bytes

    @classmethod
    def of(
        cls, binary: Path, *, labels: Mapping[str, str] | None = None, env: Mapping[str, str] | None = None
    ) -> StaticImage:
        """The image of `binary`; the same binary, labels and environment give the same digest."""
        layer = _tar({"app": (binary.read_bytes(), 0o755)})
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "Entrypoint": ["/app"],
                "User": USER,
                "Labels": dict(labels or {}),
                "Env": [f"{name}={value}" for name, value in (env or {}).items()],
            },
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
            "history": [{"created_by": "a static binary"}],
        }
        return cls(layer, json.dumps(config, sort_keys=True).encode())

    def archive(self, name: str) -> bytes:
        """What `docker save` writes for the image under this name."""
        manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
        files = {"config.json": self.config, "manifest.json": json.dumps(manifest).encode(), "layer.tar": self.layer}
        return _tar({file: (content, 0o644) for file, content in files.items()})

    def push(self, registry: str, repository: str, tag: str) -> str:
        """Push it to a registry on this machine by plain HTTP; answers its digest."""
        layer = gzip.compress(self.layer, compresslevel=1, mtime=0)
        base = f"http://{registry}/v2/{repository}"
        for blob in (layer, self.config):
            _push_blob(base, blob)
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": _CONFIG, "size": len(self.config), "digest": _digest(self.config)},
                "layers": [{"mediaType": _LAYER, "size": len(layer), "digest": _digest(layer)}],
            }
        ).encode()
        _send("PUT", f"{base}/manifests/{tag}", manifest, MANIFEST)
        return _digest(manifest)


def _push_blob(base: str, blob: bytes) -> None:
    location = _send("POST", f"{base}/blobs/uploads/", b"", "application/octet-stream")
    joint = "&" if "?" in location else "?"
    _send("PUT", f"{location}{joint}digest={_digest(blob)}", blob, "application/octet-stream")


def _send(method: str, url: str, body: bytes, content_type: str) -> str:
    """Send the request past any proxy; answers the Location header."""
    request = urllib.request.Request(url, data=body, method=method, headers={"Content-Type": content_type})  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        return str(answer.headers.get("Location", ""))


def _tar(files: Mapping[str, tuple[bytes, int]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, (content, mode) in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()

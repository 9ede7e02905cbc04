"""The name of a container image, in its parts."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from mlops_actions.errors import ActionError

DOCKER_HUB = "docker.io"
# As in the grammar of the distribution project: lower case, parts joined by / . _ __ or -.
_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_REGISTRY = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class ImageReference:
    """`name` is as the user wrote it, registry included, without tag and digest."""

    name: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """The parts of `[registry/]path[:tag][@digest]`; ActionError says what is wrong with it."""
        rest, at, digest = text.strip().partition("@")
        head, slash, last = rest.rpartition("/")
        last, colon, tag = last.partition(":")
        reference = cls(head + slash + last, tag if colon else None, digest if at else None)
        if not _PATH.fullmatch(reference.path):
            raise ActionError(f"'{text}' is not the name of an image: '{reference.path}' is not a repository's path")
        if not _REGISTRY.fullmatch(reference.registry):
            raise ActionError(f"'{text}' is not the name of an image: '{reference.registry}' is not a registry's host")
        if reference.tag is not None and not _TAG.fullmatch(reference.tag):
            raise ActionError(f"'{text}' is not the name of an image: '{reference.tag}' is not a tag")
        if reference.digest is not None and not _DIGEST.fullmatch(reference.digest):
            raise ActionError(f"'{text}' is not the name of an image: its digest is not sha256:<64 hex digits>")
        return reference

    @property
    def _parts(self) -> tuple[str, str]:
        """The first part names a registry if it looks like a host, as docker decides it."""
        first, slash, rest = self.name.partition("/")
        if slash and ("." in first or ":" in first or first == "localhost"):
            return first, rest
        return DOCKER_HUB, self.name

    @property
    def registry(self) -> str:
        """The host, with its port if it has one."""
        return self._parts[0]

    @property
    def path(self) -> str:
        """The repository's path in the registry."""
        registry, path = self._parts
        return f"library/{path}" if registry == DOCKER_HUB and "/" not in path else path

    def at(self, digest: str) -> ImageReference:
        """The same image by digest, which no push can change any more."""
        return replace(self, tag=None, digest=digest)

    def __str__(self) -> str:
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

"""What an error's message names: references, bindings, paths, and words in quotes or after what they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

_BINDING = re.compile(r"\$\{\{.*?\}\}|\b(?:parent\.)?(?:jobs|inputs|outputs)\.[\w.-]+")
_VERSIONED = re.compile(r"/([^/\s'\"]+)/versions/([^/\s'\",;)]+)")
_IN_A_COLLECTION = re.compile(r"(?<![\w.-])(?:computes|datastores|environments|components|data|models)/([^/\s'\",;)]+)")
_SHORT = re.compile(r"(?<![\w/:.-])(?:azureml:)?([A-Za-z0-9_][\w.-]*):([\w.-]*\w)")
_QUOTED = re.compile(r"'([^'\n]{1,200})'|\"([^\"\n]{1,200})\"|`([^`\n]{1,200})`")
_AFTER_ITS_KIND = re.compile(
    r"\b(?:node|job|step|input|output|asset|component|compute|environment|data|datastore|model|field|parameter|target)"
    r"s?\s+([A-Za-z0-9_](?:[\w.-]*\w)?)",
    re.IGNORECASE,
)
_PATH = re.compile(r"(?<![\w:/])\.{0,2}/[^\s'\",;]+")
_WORD = re.compile(r"[A-Za-z_][\w.-]*\w")
_LATEST = re.compile(r"(?:azureml:)?([^:@/\s]+)@latest")
_REGISTRY = re.compile(r"azureml://registries/[^/]+/[^/]+/([^/]+)/versions/([^/]+)")
_DATASTORE = re.compile(r"azureml://datastores/([^/]+)")


@dataclass(frozen=True)
class Named:
    """The names in a message."""

    message: str

    @cached_property
    def bindings(self) -> set[str]:
        """Bindings such as `${{parent.inputs.epochs}}`, and their insides."""
        return set(_BINDING.findall(self.message))

    @cached_property
    def versions(self) -> set[tuple[str, str]]:
        """Names with versions, by ARM id or as `name:version`."""
        return {*_VERSIONED.findall(self.message), *_SHORT.findall(self.message)}

    @cached_property
    def quoted(self) -> set[str]:
        """What stands in quotes."""
        return {next(filter(None, groups), "") for groups in _QUOTED.findall(self.message)} - {""}

    @cached_property
    def names(self) -> set[str]:
        """Names that are meant as such: in quotes, in a reference, or after the word for what they are."""
        found = {*self.quoted, *_AFTER_ITS_KIND.findall(self.message), *_IN_A_COLLECTION.findall(self.message)}
        return found | {name for name, _ in self.versions}

    @cached_property
    def paths(self) -> set[str]:
        """Paths of files."""
        return {path.rstrip(".:") for path in _PATH.findall(self.message)}

    @cached_property
    def words(self) -> set[str]:
        """All words."""
        return set(_WORD.findall(self.message))


def reference(text: str) -> tuple[str, str | None] | None:
    """The name and version (None: the latest, or no version) that a reference in YAML is to; None if it is none."""
    if match := _REGISTRY.fullmatch(text) or _VERSIONED.search(text):
        return match[1], match[2]
    if match := _DATASTORE.match(text) or _LATEST.fullmatch(text):
        return match[1], None
    name, _, version = text.removeprefix("azureml:").partition(":")
    if text.startswith("azureml:") and name and not name.startswith("/"):
        return name, version or None
    return None

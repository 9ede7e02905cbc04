"""The tags that an image gets from what is built, by the rules of docker/metadata-action."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mlops_actions.errors import ActionError

_SHORT = 7
_MAXIMUM = 128
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
# https://semver.org, with the `v` that most repositories put before it.
_VERSION = re.compile(
    r"v?(?P<major>0|[1-9]\d*)\.(?P<minor>0|[1-9]\d*)\.(?P<patch>0|[1-9]\d*)"
    r"(?:-(?P<prerelease>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?",
    re.ASCII,
)


def image_tags(environment: Mapping[str, str], given: tuple[str, ...]) -> tuple[str, ...]:
    """The tags for GITHUB_REF and GITHUB_SHA, then those that the user gave; the first one names the version.

    Raises ActionError if one that was given is no tag, or if there would be none at all.
    """
    for tag in given:
        if not _TAG.fullmatch(tag):
            raise ActionError(f"tags: '{tag}' is not a tag: letters, digits, _ . - only, at most {_MAXIMUM}")
    found = _of_ref(environment.get("GITHUB_REF", "")) + _of_commit(environment.get("GITHUB_SHA", ""))
    tags = tuple(dict.fromkeys((*found, *given)))
    if not tags:
        raise ActionError("tags: none given, and GITHUB_REF and GITHUB_SHA, which tags are made of, are not set")
    return tags


def _of_ref(ref: str) -> tuple[str, ...]:
    kind, _, name = ref.removeprefix("refs/").partition("/")
    match kind:
        case "heads":
            return _sanitized(name)
        case "pull":
            return _sanitized(f"pr-{name.partition('/')[0]}")
        case "tags":
            return _of_version(name)
        case _:
            return ()


def _of_version(tag: str) -> tuple[str, ...]:
    """A release moves the tags of its series along; a pre-release must not, nor is there a series 0."""
    version = _VERSION.fullmatch(tag)
    if version is None:
        return _sanitized(tag)
    major, minor, patch, prerelease = version.group("major", "minor", "patch", "prerelease")
    if prerelease:
        return _sanitized(f"{major}.{minor}.{patch}-{prerelease}")
    series = (f"{major}.{minor}",) if major == "0" else (f"{major}.{minor}", major)
    return (f"{major}.{minor}.{patch}", *series, "latest")


def _of_commit(sha: str) -> tuple[str, ...]:
    return (f"sha-{sha[:_SHORT]}", f"sha-{sha}") if sha else ()


def _sanitized(name: str) -> tuple[str, ...]:
    """A name with - for what a tag may not contain; none if nothing is left of it."""
    tag = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).lstrip(".-")[:_MAXIMUM]
    return (tag,) if tag else ()

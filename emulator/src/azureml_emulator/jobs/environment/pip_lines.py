"""Lines of requirements, made fit for a machine without a GPU."""

from __future__ import annotations

import re

from . import packages

_NAME = re.compile(r"^\s*(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?P<rest>.*)$")
_LOCAL_VERSION = re.compile(r"(?P<version>==\s*[\w.]+?)\+(?:cu\d+|cpu|rocm[\w.]+)")
_TORCH_INDEX = re.compile(
    r"^\s*(?:-f|-i|--find-links|--index-url|--extra-index-url)[\s=]+https?://download\.pytorch\.org/"
)
_CUDA_EXTRA = re.compile(r"\[and-cuda\]")


def name_of(line: str) -> str | None:
    """The project that a line asks for, or None if the line is an option, a path or a URL."""
    plain = line.partition("#")[0]
    match = _NAME.match(plain)
    return None if match is None or plain.lstrip().startswith("-") or "://" in plain.split("@")[0] else match["name"]


def for_cpu(lines: tuple[str, ...]) -> tuple[tuple[str, ...], list[str]]:
    """The lines with what is for GPUs replaced by what stands for it on a CPU, and what to tell of that."""
    kept, notes = [], list[str]()
    for line in lines:
        if _TORCH_INDEX.match(line):
            notes.append(f"{line.strip()} is left out: PyTorch's wheels for CPUs are taken")
            continue
        changed = _CUDA_EXTRA.sub("", _LOCAL_VERSION.sub(r"\g<version>", line))
        name = name_of(changed)
        instead = packages.for_cpu(name) if name else None
        if name and instead:
            changed = instead + changed.lstrip()[len(name) :]
        if changed != line:
            notes.append(f"{line.strip()} is for GPUs: {changed.strip()} is taken")
        kept.append(changed)
    return tuple(kept), notes


def pins(lines: tuple[str, ...], text: str) -> list[str]:
    """Those of the lines that ask for a version, and whose project a text speaks of."""
    spoken_of = {packages.normal(word) for word in re.findall(r"[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]", text)}
    words = spoken_of | {packages.normal(re.split(r"[=<>!~]", word)[0]) for word in text.split()}
    found = []
    for line in lines:
        name = name_of(line)
        if name and re.search(r"[=<>~!]\s*\d", line.partition(";")[0]) and packages.normal(name) in words:
            found.append(line.strip())
    return found

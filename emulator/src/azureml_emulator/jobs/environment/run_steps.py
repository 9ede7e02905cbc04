"""What the RUN steps of a Dockerfile install for Python: calls of pip and conda, with the options that they have."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Sequence
from typing import NoReturn

from . import conda
from .recipe import Recipe, not_understood

_HARMLESS = frozenset({"rm", "mkdir", "echo", "set", "true", "ldconfig", "cd", "chmod", "chown", "export", "apt-mark"})
"""Commands that nothing which is installed here can miss."""

_DISTRIBUTION_PACKAGE = re.compile(
    r"(?:lib.+|python3?[.\d]*(?:-.+)?|build-essential|gcc|g\+\+|make|cmake|pkg-config|git|curl|wget|unzip|zip|"
    r"ca-certificates|gnupg|ffmpeg|apt-utils|software-properties-common|sudo|vim|nano|less|htop|procps|openssh-.+|"
    r"apt-transport-https|locales|tzdata|rsync|fuse|openmpi-.+|graphviz|tini|dumb-init|bash)(?:[=:].*)?"
)
"""Packages of distributions that this machine is taken to have as far as a job's Python needs them."""

_OF_APT = frozenset({"update", "upgrade", "clean", "autoremove", "autoclean", "purge", "remove"})
_OF_PIP = frozenset({"cache", "config", "check", "list", "freeze", "--version"})
_OF_CONDA = frozenset({"clean", "config", "init", "info", "activate", "update"})
"""What these programs do that installs nothing."""


class _Options(argparse.ArgumentParser):
    """Reads options without a word of its own: what it cannot read is a ValueError."""

    def __init__(self, flags: Sequence[str], values: Sequence[str]) -> None:
        super().__init__(add_help=False, allow_abbrev=False)
        self.add_argument("words", nargs="*")
        for names in flags:
            self.add_argument(*names.split(), action="store_true")
        for names in values:
            self.add_argument(*names.split(), action="append", default=[])

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


_PIP = _Options(
    flags=[
        "--no-cache-dir", "--upgrade -U", "--quiet -q -qq", "--verbose -v", "--user", "--no-input", "--yes -y", "--pre",
        "--disable-pip-version-check", "--no-warn-script-location", "--ignore-installed -I", "--force-reinstall",
        "--break-system-packages", "--prefer-binary", "--compile", "--no-compile", "--system", "--no-cache",
        "--no-build-isolation",
    ],
    values=[
        "--requirement -r", "--index-url -i", "--extra-index-url", "--find-links -f", "--default-timeout", "--timeout",
        "--retries", "--trusted-host", "--use-feature", "--use-deprecated", "--cache-dir", "--progress-bar", "--log",
        "--root-user-action", "--exists-action", "--upgrade-strategy", "--python",
    ],
)  # fmt: skip
_CONDA = _Options(
    flags=["--yes -y", "--quiet -q", "--force", "--copy", "--prune", "--override-channels", "--no-deps"],
    values=["--prefix -p", "--name -n", "--channel -c", "--file -f", "--solver"],
)  # fmt: skip


def read(recipe: Recipe, rest: str) -> None:
    """Add what one RUN installs. Raises UnusableEnvironment if any of it is not understood."""
    if rest.startswith("[") or "<<" in rest:
        raise not_understood(f"RUN {rest}")
    rest = re.sub(r"^(?:--(?:mount|network|security)=\S+\s+)+", "", rest)
    parts = shlex.shlex(rest, posix=True, punctuation_chars=";&|()<>")
    parts.whitespace_split = True
    parts.commenters = ""
    command: list[str] = []
    try:
        words = list(parts)
    except ValueError as error:
        raise not_understood(f"RUN {rest}") from error
    quoted = re.sub(r"'[^']*'|\"[^\"]*\"", "", rest)
    if re.search(r"[|()<>]|(?<!&)&(?!&)", quoted):
        raise not_understood(f"RUN {rest}")
    for word in (*words, ";"):
        if word in {"&&", ";"}:
            _command(recipe, command)
            command = []
        else:
            command.append(word)


def _command(recipe: Recipe, words: list[str]) -> None:
    words = [recipe.expand(word) for word in words]
    step = "RUN " + " ".join(words)
    words = _without_wrapper(words)
    if not words or words[0] in _HARMLESS:
        return
    try:
        if (arguments := _of_pip(words)) is not None:
            _pip(recipe, arguments, step)
        elif words[0] in {"apt-get", "apt"}:
            _apt(recipe, words[1:], step)
        elif words[0] in {"conda", "mamba", "micromamba"}:
            _conda(recipe, words[1:], step)
        else:
            raise not_understood(step)
    except ValueError as error:
        raise not_understood(f"{step} ({error})") from error


def _without_wrapper(words: list[str]) -> list[str]:
    """What `NAME=value …`, `sudo …` and `conda run -p PLACE …` run."""
    while words and re.match(r"^\w+=", words[0]):
        words = words[1:]
    if words[:1] == ["sudo"]:
        return words[1:]
    if words[:2] in (["conda", "run"], ["mamba", "run"]):
        words = words[2:]
        while words and words[0].startswith("-"):
            words = words[2:] if words[0] in {"-p", "-n", "--prefix", "--name"} else words[1:]
    return words


def _of_pip(words: list[str]) -> list[str] | None:
    """The arguments of a call of pip, or None for another command."""
    if re.fullmatch(r"(?:.*/)?pip[\d.]*", words[0]):
        return words[1:]
    if re.fullmatch(r"(?:.*/)?python[\d.]*", words[0]) and words[1:3] == ["-m", "pip"]:
        return words[3:]
    return words[2:] if words[:2] == ["uv", "pip"] else None


def _pip(recipe: Recipe, words: list[str], step: str) -> None:
    if words and words[0] in _OF_PIP:
        return
    if words[:1] != ["install"]:
        raise not_understood(step)
    given = _PIP.parse_intermixed_args(words[1:])
    for name in given.requirement:
        lines = recipe.file(name, step).splitlines()
        recipe.lines += [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    recipe.lines += ["--pre"] if given.pre else []
    for option in ("index_url", "extra_index_url", "find_links"):
        recipe.lines += [f"--{option.replace('_', '-')} {value}" for value in getattr(given, option)]
    for word in given.words:
        if word.startswith((".", "/")) or word.endswith((".whl", ".tar.gz", ".zip")):
            raise not_understood(f"{step} ({word} is a package of the image's own)")
        if not re.fullmatch(r"(?:pip|uv)(?:[=<>~].*)?", word):  # Every environment has pip.
            recipe.lines.append(word)


def _apt(recipe: Recipe, words: list[str], step: str) -> None:
    plain = [word for word in words if not word.startswith("-")]
    if not plain or plain[0] in _OF_APT:
        return
    unknown = [name for name in plain[1:] if not _DISTRIBUTION_PACKAGE.fullmatch(name)]
    if plain[0] != "install" or unknown:
        raise not_understood(f"{step} (of the distribution: {', '.join(unknown) or plain[0]})")
    recipe.notes.append(f"Not installed, this machine's own are used: {', '.join(plain[1:])}")


def _conda(recipe: Recipe, words: list[str], step: str) -> None:
    if not words or words[0] in _OF_CONDA:
        return
    if words[:2] in (["env", "create"], ["env", "update"]):
        given = _CONDA.parse_intermixed_args(words[2:])
        found = conda.read(recipe.file((given.file or ["environment.yml"])[-1], step), recipe.own)
        recipe.environment |= dict(found.variables)
    elif words[0] in {"create", "install"}:
        given = _CONDA.parse_intermixed_args(words[1:])
        if given.file:
            raise not_understood(step)
        found = conda.from_packages(given.words, recipe.own)
    else:
        raise not_understood(step)
    recipe.python = found.python or recipe.python
    recipe.lines += found.pip
    recipe.notes += found.notes

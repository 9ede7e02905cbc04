"""What a Dockerfile installs for Python, where Docker is not there to build it.

Only a Dockerfile all of whose steps are understood is followed: what pip and conda install is installed here, what
concerns an image alone is left out, and anything else is an error that names the step. Nothing of it is executed.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from . import dockerfile, run_steps
from .definition import Requirements
from .recipe import Recipe, not_understood

_OF_IMAGES = frozenset(
    {"CMD", "ENTRYPOINT", "LABEL", "EXPOSE", "USER", "SHELL", "STOPSIGNAL", "HEALTHCHECK", "VOLUME", "MAINTAINER"}
)
_WITH_PATHS = re.compile(r"PATH|LD_LIBRARY_PATH|CONDA_\w+|AZUREML_CONDA_\w+|DEBIAN_FRONTEND|PYTHONPATH|HOME")
"""Variables with paths of the image, which are not there on this machine, and what is for its build alone."""


def read(text: str, context: Path, own: Mapping[str, str]) -> tuple[str, Requirements]:
    """The base image of a Dockerfile, and what its steps install.

    `context` is the folder of the build context, `own` a user's additions to the table of conda packages. Raises
    UnusableEnvironment for a step that is not understood.
    """
    stage = dockerfile.last(dockerfile.stages(text))
    recipe = Recipe(context.resolve(), own)
    for one in stage.instructions:
        if one.name == "ARG":
            _arg(recipe, one.rest, stage.arguments)
        elif step := _STEPS.get(one.name):
            step(recipe, one.rest)
        elif one.name not in _OF_IMAGES:
            raise not_understood(f"{one.name} {one.rest}")
    kept = {name: value for name, value in recipe.environment.items() if not _WITH_PATHS.fullmatch(name)}
    variables, notes = tuple(sorted(kept.items())), tuple(dict.fromkeys(recipe.notes))
    return stage.image, Requirements(recipe.python, tuple(recipe.lines), variables, notes)


def _arg(recipe: Recipe, rest: str, arguments: Mapping[str, str]) -> None:
    name = rest.partition("=")[0].strip()
    inherited = {name: arguments[name]} if name in arguments else {}
    recipe.variables |= dockerfile.declared(rest, recipe.variables) or inherited


def _env(recipe: Recipe, rest: str) -> None:
    given = dockerfile.declared(rest, recipe.variables)
    recipe.variables |= given
    recipe.environment |= given


def _workdir(recipe: Recipe, rest: str) -> None:
    recipe.work = recipe.place(dockerfile.unquoted(recipe.expand(rest)))


def _copy(recipe: Recipe, rest: str) -> None:
    try:
        given = json.loads(rest) if rest.startswith("[") else shlex.split(rest)
    except ValueError as error:
        raise not_understood(f"COPY {rest}") from error
    words = [recipe.expand(str(word)) for word in given]
    from_elsewhere = any(word.startswith("--from") or "://" in word for word in words)
    paths = [word for word in words if not word.startswith("--")]
    if from_elsewhere or len(paths) < 2:  # noqa: PLR2004 - a source and a target
        raise not_understood(f"COPY {rest}")
    recipe.copy(paths[:-1], paths[-1])


_STEPS: dict[str, Callable[[Recipe, str], None]] = {
    "ENV": _env,
    "WORKDIR": _workdir,
    "COPY": _copy,
    "ADD": _copy,
    "RUN": run_steps.read,
}

"""Builds an image, names it after what was built, and pushes it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlops_actions import registry_api
from mlops_actions.errors import ActionError
from mlops_actions.github import annotate, group, progress, summarize, table_cell, untrusted_lines
from mlops_actions.image.build_log import BuildLog
from mlops_actions.image.docker import Docker, DockerError, client
from mlops_actions.image.login import logged_in
from mlops_actions.image.tags import image_tags
from mlops_actions.image_reference import DOCKER_HUB, ImageReference
from mlops_actions.interruption import interruptible

_SUMMARY = Path(__file__).parents[2] / "actions" / "build-image" / "summary.md"


@dataclass(frozen=True)
class BuildImageOutputs:
    """The image that was built, under its names."""

    image: str
    digest: str
    ref: str
    tags: tuple[str, ...]


def build_image(
    *,
    context: Path,
    image: str,
    file: Path | None = None,
    tags: tuple[str, ...] = (),
    registry: str | None = None,
    username: str | None = None,
    password: str | None = None,
    build_args: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    network: str | None = None,
    push: bool = True,
) -> BuildImageOutputs:
    """Build a Docker context, tag the image by branch, commit and version tag, log in, push it and verify its digest.

    Args:
        context: Folder of the Docker context.
        image: Name of the image with its registry and without a tag, as in ghcr.io/org/name; made lower case.
        file: Dockerfile; default is the one in the context.
        tags: Tags besides those from branch, commit and version tag, one a line.
        registry: Registry to log in and push to, if the image's name does not begin with it.
        username: User of the registry; without one, what an earlier docker login left is used.
        password: Password or token of that user.
        build_args: Build arguments, key=value a line or a JSON object; they can be read in the image, so none may be a
            secret.
        labels: Labels besides org.opencontainers.image.revision, source, version and created, key=value a line or a
            JSON object.
        network: Network of the build's RUN steps (default, host or none).
        push: Whether to push the image; if not, digest is the image's id on this machine, and ref its name by tag.

    """
    _check_public(password, build_args or {}, labels or {})
    name = _named(image, registry)
    dockerfile = _dockerfile(context, file)
    names = tuple(f"{name}:{tag}" for tag in image_tags(os.environ, tags))
    stamped = {**_labels(names[0].removeprefix(f"{name}:")), **(labels or {})}
    with interruptible(), logged_in(name.registry, username, password) as config:
        docker = client(config)
        _build(docker, context, dockerfile, names, network=network, build_args=build_args or {}, labels=stamped)
        if push:
            digest = _push(docker, names)
            _verify(name.at(digest), config)
            outputs = BuildImageOutputs(names[0], digest, str(name.at(digest)), names)
        else:
            digest = docker.run("image", "inspect", "--format={{.Id}}", names[0]).strip()
            outputs = BuildImageOutputs(names[0], digest, names[0], names)
    _summarize(outputs, stamped, pushed=push)
    return outputs


def _check_public(password: str | None, build_args: Mapping[str, str], labels: Mapping[str, str]) -> None:
    """Raise ActionError if the password would be in the image for all to read."""
    for what, given in {"build-args": build_args, "labels": labels}.items():
        for name, value in given.items():
            if password and password in value:
                raise ActionError(f"{what}: {name} has the registry's password in it, which the image would show")


def _named(image: str, registry: str | None) -> ImageReference:
    """The image's name with its registry; ActionError if it is none, or if the two contradict each other."""
    reference = ImageReference.parse(image.lower())
    if reference.tag is not None or reference.digest is not None:
        raise ActionError(f"image: '{image}' has a {'tag' if reference.tag else 'digest'}; leave it out, and use tags")
    host = (registry or "").removeprefix("https://").removeprefix("http://").rstrip("/").lower()
    if host in {"", reference.registry, "index.docker.io"}:
        return reference
    if reference.registry != DOCKER_HUB or reference.name.startswith(f"{DOCKER_HUB}/"):
        raise ActionError(f"image: '{image}' is in {reference.registry}, but registry is '{registry}'; leave one out")
    return ImageReference.parse(f"{host}/{reference.name}")


def _dockerfile(context: Path, file: Path | None) -> Path:
    if not context.is_dir():
        raise ActionError(f"context: there is no folder {context}")
    dockerfile = file or context / "Dockerfile"
    if not dockerfile.is_file():
        hint = "give its path, from the working directory, as file" if file is None else "its path is from there"
        raise ActionError(f"file: there is no Dockerfile {dockerfile} in {Path.cwd()}; {hint}")
    return dockerfile


def _labels(version: str) -> dict[str, str]:
    """What https://github.com/opencontainers/image-spec/blob/main/annotations.md has, as far as it is known."""
    server, repository = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_REPOSITORY")
    found = {
        "revision": os.environ.get("GITHUB_SHA"),
        "source": f"{server}/{repository}" if server and repository else None,
        "version": version,
        "created": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    return {f"org.opencontainers.image.{name}": value for name, value in found.items() if value}


def _build(
    docker: Docker,
    context: Path,
    dockerfile: Path,
    names: tuple[str, ...],
    *,
    network: str | None,
    build_args: Mapping[str, str],
    labels: Mapping[str, str],
) -> None:
    arguments = ["build", f"--file={dockerfile}"]
    arguments += [f"--tag={name}" for name in names]
    arguments += [f"--build-arg={key}={value}" for key, value in build_args.items()]
    arguments += [f"--label={key}={value}" for key, value in labels.items()]
    arguments += [f"--network={network}"] if network else []
    arguments += [] if docker.has_buildkit else ["--force-rm"]  # else the container of a step that fails stays
    log = BuildLog()

    def take(line: str) -> None:
        log.add(line)
        progress(line)

    with group(f"docker build {names[0]}"), untrusted_lines():
        status = docker.stream([*arguments, "--", str(context)], take)
    if status != 0:
        failure = log.failure(dockerfile)
        place = f"{dockerfile}:{failure.line}" if failure.line else f"{dockerfile}"
        raise ActionError(f"{place} does not build: {failure.reason}", file=str(dockerfile), line=failure.line)


def _push(docker: Docker, names: tuple[str, ...]) -> str:
    """Push the image under all its names; its digest is the same under each."""
    digest = ""
    for name in names:
        with group(f"docker push {name}"), untrusted_lines():
            try:
                digest = docker.push(name, progress)
            except DockerError as error:
                raise ActionError(f"{name} was not pushed: {_explained(str(error))}") from None
    return digest


def _explained(error: str) -> str:
    if any(sign in error.lower() for sign in ("unauthorized", "denied", "no basic auth", "authentication required")):
        return f"{error}; give username and password of an account that may push there"
    if any(sign in error.lower() for sign in ("connection refused", "no such host", "timeout", "no route to host")):
        return f"{error}; check the registry's address"
    return error


def _verify(reference: ImageReference, config: Path | None) -> None:
    """Ask the registry itself for the digest. One that only docker can reach is believed, with a warning."""
    try:
        registry_api.inspect(reference, docker_config=config)
    except registry_api.ImageNotFoundError:
        raise ActionError(
            f"{reference.registry} took the image, but has no {reference.digest} now; push again"
        ) from None
    except registry_api.RegistryUnreadableError as error:
        annotate("warning", f"the digest is docker's, the registry was not asked for it: {error}")


def _summarize(outputs: BuildImageOutputs, labels: Mapping[str, str], *, pushed: bool) -> None:
    values = {
        "headline": f"{outputs.image} is {'pushed' if pushed else 'built'}",
        "ref": outputs.ref,
        "digest": outputs.digest,
        "tags": ", ".join(outputs.tags),
    }
    rows = "".join(f"| {table_cell(name)} | {table_cell(value)} |\n" for name, value in sorted(labels.items()))
    summarize(_SUMMARY, {name: table_cell(value) for name, value in values.items()} | {"labels": rows})

"""Checks of the image's registry: it answers, it knows the login, and it takes a push."""

from __future__ import annotations

from mlops_actions import registry_api
from mlops_actions.doctor.findings import Check, Finding, ok, skipped, wrong
from mlops_actions.doctor.surroundings import Surroundings
from mlops_actions.errors import ActionError
from mlops_actions.image_reference import DOCKER_HUB, ImageReference
from mlops_actions.registry_push import check_push

_NOT_GIVEN = "no image is named: give --image, or set IMAGE"


def _registry(surroundings: Surroundings) -> Finding:
    if not surroundings.image:
        return (
            wrong(_NOT_GIVEN, "--image=<registry>/<name>") if "registry" in surroundings.asked else skipped(_NOT_GIVEN)
        )
    try:
        reference = ImageReference.parse(surroundings.image.lower())
    except ActionError as error:
        return wrong(str(error), "--image=<registry>/<name>, without https://")
    surroundings.reference = reference
    try:
        remote = registry_api.inspect(reference, login=surroundings.registry_login)
    except registry_api.ImageNotFoundError:
        return ok(f"{reference.registry} answers, and has no {reference} yet")
    except registry_api.RegistryRefusedError as error:
        return wrong(f"{reference.registry} lets nobody read {reference.path} as this: {error}", login(reference))
    except registry_api.RegistryUnreadableError as error:
        return wrong(str(error), "is the registry's name right? a registry on this machine is localhost or 127.0.0.1")
    return ok(f"{reference.registry} answers, and has {reference} as {remote.digest[:19]}…")


def _push(surroundings: Surroundings) -> Finding:
    reference = surroundings.reference
    if reference is None:
        raise AssertionError("it needs the check of the registry")
    as_whom = f"user {surroundings.registry_login[0]}" if surroundings.registry_login else "what docker login left"
    try:
        cancelled = check_push(reference, surroundings.registry_login)
    except registry_api.RegistryRefusedError as error:
        return wrong(f"no permission to push to {reference.name} with {as_whom}: {error}", login(reference))
    end = "cancelled" if cancelled else "left to expire"
    return ok(f"an upload to {reference.name} was begun with {as_whom}, and {end}")


def login(reference: ImageReference) -> str:
    """How to get a login that may push, for the registries that are used most."""
    registry = reference.registry
    if registry == "ghcr.io":
        place = "github.com > Settings > Developer settings > Personal access tokens (classic): write:packages"
        return f"docker login ghcr.io with a token from {place}; in a workflow: permissions: {{packages: write}}"
    if registry.endswith(".azurecr.io"):
        name = registry.partition(".")[0]
        return f"az acr login --name {name}; the role AcrPush: portal > {name} > Access control (IAM)"
    command = "docker login" if registry == DOCKER_HUB else f"docker login {registry}"
    return f"{command}, or set REGISTRY_USERNAME and REGISTRY_PASSWORD; the account has to be one that may push there"


CHECKS = (
    Check("registry", "registry", _registry),
    Check("push", "registry", _push, needs=("registry",)),
)

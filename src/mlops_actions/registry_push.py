"""Whether a registry takes images under a name: begins an upload as a push does, and cancels it.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs
"""

from __future__ import annotations

from pathlib import Path

from mlops_actions.image_reference import ImageReference
from mlops_actions.registry_api import ImageNotFoundError, RegistryUnreadableError, Session


def check_push(
    reference: ImageReference, login: tuple[str, str] | None = None, *, docker_config: Path | None = None
) -> bool:
    """Begin an upload to the image's repository and cancel it; whether it could be cancelled (else it expires).

    `login` is user and password instead of what `docker login` left. Raises RegistryRefusedError if the registry lets
    one not push, RegistryUnreadableError if it does not answer as a registry does.
    """
    session = Session(reference, docker_config, access="pull,push", login=login)
    try:
        _, headers = session.send("POST", "blobs/uploads/")
    except ImageNotFoundError:
        raise RegistryUnreadableError(
            f"{reference.registry} answered 404 to an upload to {reference.path}: is it a registry?"
        ) from None
    location = headers.get("Location")
    if not location:
        raise RegistryUnreadableError(f"{reference.registry} took an upload without a place for it: is it a registry?")
    try:
        session.send("DELETE", location)
    except (ImageNotFoundError, RegistryUnreadableError):
        return False
    return True

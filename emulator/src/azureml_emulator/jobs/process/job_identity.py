"""The identity that a job says it is to run with, beside the token that every run has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import bad_request
from ...shapes import mapping, text

USER = "UserIdentity"
MANAGED = "Managed"
TOKEN = "AMLToken"  # noqa: S105 - the name of a kind of identity

_KINDS = {"useridentity": USER, "user": USER, "managed": MANAGED, "managedidentity": MANAGED, "amltoken": TOKEN}


@dataclass(frozen=True)
class JobIdentity:
    """UserIdentity, Managed or AMLToken; `client` is the client id of a managed identity that is not the default."""

    kind: str
    client: str | None = None


def read(given: object, where: str) -> JobIdentity | None:
    """The identity in a job's JSON (`identityType`) or a node's (`type`). Raises ServiceError (400)."""
    spec: Mapping[str, Any] = mapping(given, where)
    if not spec:
        return None
    said = text(spec.get("identityType") or spec.get("identity_type") or spec.get("type"), f"{where}: its type") or ""
    kind = _KINDS.get(said.replace("_", "").lower())
    if kind is None:
        raise bad_request(f"{where}: {said!r} is not one of {USER}, {MANAGED} and {TOKEN}", "ValidationError")
    client = text(spec.get("clientId") or spec.get("client_id"), f"{where}: its client id")
    return JobIdentity(kind, client)

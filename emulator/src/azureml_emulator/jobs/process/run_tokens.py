"""The token that the processes of a run are given: good for the workspace's data plane, and only while the run lasts.

Azure gives a run such a token as AZUREML_RUN_TOKEN. It has claims of its own (`iss` and `aud` are `azureml`) and opens
run history, artifacts and MLflow, never Azure Resource Manager:
https://learn.microsoft.com/azure/machine-learning/how-to-identity-based-service-authentication (AML token)
"""

from __future__ import annotations

import datetime as dt
import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.types import Options

from ...arm import PROVIDER
from ...errors import unauthorized
from ...settings import Settings
from ...store import Store
from ..runs import KIND, TERMINAL

AUDIENCE = "azureml"
DATA_PLANE = ("/mlflow/", "/history/", "/artifact/", "/data/v1.0/", "/modelregistry/", "/discovery/")
"""How the paths begin that such a token opens."""

_ISSUER = "azureml"
# A client that cannot ask for another (plain MLflow) keeps the first as long as its run lasts.
_SECONDS = 14 * 24 * 3600
# Clients send the same token with every request, and reading one takes longer than most answers.
_REMEMBERED = 1024
_LONGEST = 8192


@dataclass(frozen=True)
class RunToken:
    """A token, and when it ends at the latest, in seconds since 1970."""

    text: str
    expiry: int

    @property
    def expiry_utc(self) -> str:
        """The end as run history writes it."""
        return dt.datetime.fromtimestamp(self.expiry, dt.UTC).isoformat().replace("+00:00", "Z")


def issue(settings: Settings, run: str, root: str, experiment_id: str) -> RunToken:
    """A token for the processes of `run`; `root` is the job that it is a part of, or itself."""
    now = int(time.time())
    claims = {
        "iss": _ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "nbf": now,
        "exp": now + _SECONDS,
        "tid": settings.tenant_id,
        "role": "Contributor",
        "scope": settings.workspace_id,
        "projectid": experiment_id,
        "discovery": f"url://{settings.api_url}/discovery",
        "runid": run,
        "rootrunid": root,
    }
    return RunToken(jwt.encode(claims, settings.signing_key, "HS256"), now + _SECONDS)


@functools.lru_cache(_REMEMBERED)
def _claims(key: str, token: str) -> Mapping[str, Any] | None:
    """What a run's token says, whether its time is over or not; None for one of another kind."""
    options: Options = {"verify_exp": False}
    try:
        return jwt.decode(token, key, algorithms=["HS256"], audience=AUDIENCE, issuer=_ISSUER, options=options)
    except jwt.InvalidTokenError:
        return None


def check(settings: Settings, store: Store, token: str, path: str) -> bool:
    """Whether the token is a run's, and opens this path.

    False for a token of another kind, for others to check. Raises ServiceError (401) for one of a run that has ended,
    and for a path that no run's token opens.
    """
    claims = _claims(settings.signing_key, token) if len(token) < _LONGEST else None
    if claims is None:
        return False
    if claims["exp"] <= time.time():
        raise unauthorized("The token of this run has expired.", "ExpiredAuthenticationToken")
    run = store.get(KIND, str(claims["runid"]))
    if run is None or run["status"] in TERMINAL:
        raise unauthorized(f"The run {claims['runid']} of this token has ended.", "ExpiredAuthenticationToken")
    if not path.startswith(DATA_PLANE):
        told = f"The token of a run opens the data plane of its workspace, not {PROVIDER} in Azure Resource Manager."
        raise unauthorized(told, "InvalidAuthenticationTokenAudience")
    return True

"""The endpoints on loopback that hand out access tokens to a run with an identity: its user's, or a managed one.

azure-ai-ml's AzureMLOnBehalfOfCredential asks OBO_ENDPOINT, and azure-identity's ManagedIdentityCredential asks
MSI_ENDPOINT with the secret MSI_SECRET (azure/ai/ml/identity/_credentials/aml_on_behalf_of.py and
azure/identity/_credentials/azure_ml.py). Which runs have which identity:
https://learn.microsoft.com/azure/machine-learning/how-to-identity-based-service-authentication
"""

from __future__ import annotations

import time
import uuid

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ... import computes, identity
from ...context import Context
from .. import compute
from ..assignment import Assignment
from ..definition.specification import SERVERLESS
from ..runs import KIND, TERMINAL
from .job_identity import MANAGED, USER

PATH = "/run-identity"

_ISSUER = _AUDIENCE = "azureml-run-identity"
_SECONDS = 900
"""An access token's life: it outlives its run by a quarter of an hour at most, and is renewed while that goes on."""

_KEY_SECONDS = 14 * 24 * 3600


def variables(context: Context, assignment: Assignment) -> dict[str, str]:
    """The variables by which a run's processes find their identities; none if they have none."""
    told, node = {}, assignment.node
    said = node.identity or assignment.settings.identity
    if said is not None and said.kind == USER:
        told["OBO_ENDPOINT"] = f"{_address(context)}/user/{_key(context, assignment.run, USER)}"
    default = _of_compute(context, assignment)
    if default is not None or (said is not None and said.kind == MANAGED):
        client = default or _client(f"{assignment.root}/identity")
        if said is not None and said.client:
            client = said.client
        told |= {
            "MSI_ENDPOINT": f"{_address(context)}/managed",
            "MSI_SECRET": _key(context, assignment.run, client),
            "DEFAULT_IDENTITY_CLIENT_ID": client,
        }
    return told


def _address(context: Context) -> str:
    return f"https://127.0.0.1:{context.settings.ports.api}{PATH}"


def _client(of: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, of))


def _of_compute(context: Context, assignment: Assignment) -> str | None:
    """The client id of the identity that the run's compute has, or None."""
    found = computes.find(context, compute.name(assignment.node) or SERVERLESS)
    given = (found or {}).get("identity") or {}
    if str(given.get("type", "None")) == "None" or found is None:
        return None
    assigned = given.get("userAssignedIdentities") or {}
    return _client(min(assigned, default=str(found["id"])))


def _key(context: Context, run: str, holder: str) -> str:
    """The secret that opens the endpoint to this run's processes."""
    now = int(time.time())
    claims = {"iss": _ISSUER, "aud": _AUDIENCE, "iat": now, "exp": now + _KEY_SECONDS, "runid": run, "holder": holder}
    return jwt.encode(claims, context.settings.signing_key, "HS256")


class _Endpoints:
    def __init__(self, context: Context) -> None:
        self._context = context

    def _holder(self, key: str) -> str | None:
        """Whose tokens the key opens: the user's (USER), or the client id of an identity; None if it opens nothing."""
        try:
            claims = jwt.decode(
                key, self._context.settings.signing_key, algorithms=["HS256"], audience=_AUDIENCE, issuer=_ISSUER
            )
        except jwt.InvalidTokenError:
            return None
        run = self._context.store.get(KIND, str(claims["runid"]))
        return None if run is None or run["status"] in TERMINAL else str(claims["holder"])

    async def user(self, request: Request) -> Response:
        if self._holder(request.path_params["key"]) != USER:
            return _refused(401, "unauthorized", "the run of this endpoint has ended")
        return self._token(request)

    async def managed(self, request: Request) -> Response:
        holder = self._holder(request.headers.get("secret", ""))
        if holder in {None, USER}:
            return _refused(401, "unauthorized", "the header 'secret' is not the run's MSI_SECRET")
        asked = request.query_params.get("clientid") or request.query_params.get("client_id")
        if asked not in {None, holder}:
            return _refused(400, "invalid_request", f"Identity not found: the run has no identity {asked}")
        return self._token(request)

    def _token(self, request: Request) -> Response:
        resource = request.query_params.get("resource", "").removesuffix("/.default")
        if not resource:
            return _refused(400, "invalid_request", "the query has no 'resource'")
        settings = self._context.settings
        seconds = int(min(_SECONDS, settings.token_lifetime))
        token = identity.access_token(settings, resource, seconds)
        body = {"access_token": token, "token_type": "Bearer", "resource": resource, "expires_in": str(seconds)}
        return JSONResponse({**body, "expires_on": str(int(time.time()) + seconds)})


def _refused(status: int, error: str, description: str) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status_code=status)


def routes(context: Context) -> list[Route]:
    """The endpoints; they check a key of their own instead of an access token."""
    endpoints = _Endpoints(context)
    return [Route(f"{PATH}/user/{{key}}", endpoints.user), Route(f"{PATH}/managed", endpoints.managed)]

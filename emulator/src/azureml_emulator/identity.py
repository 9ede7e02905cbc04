"""Sign-in: Microsoft Entra's token endpoint for one application, and GitHub's issuer of OIDC tokens.

Entra: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
GitHub: https://docs.github.com/actions/concepts/security/openid-connect
"""

from __future__ import annotations

import functools
import hmac
import time
import uuid
from typing import Any
from urllib.parse import parse_qsl

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .context import Context
from .errors import ServiceError, unauthorized
from .settings import ARM_HOST, GITHUB_OIDC_HOST, LOGIN_HOST, Settings

GITHUB_TOKEN_SECONDS = 300
FEDERATED_AUDIENCE = "api://AzureADTokenExchange"
GITHUB_ISSUER = f"https://{GITHUB_OIDC_HOST}"
_REMEMBERED = 1024
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_AUDIENCES = {
    f"https://{ARM_HOST}",
    f"https://{ARM_HOST}/",
    "https://ml.azure.com",
    "https://management.core.windows.net",
    "https://management.core.windows.net/",
}


def _sign(settings: Settings, claims: dict[str, Any], seconds: float) -> str:
    issued = int(time.time())
    return jwt.encode(
        {"iat": issued, "nbf": issued, "exp": issued + int(seconds), **claims}, settings.signing_key, "HS256"
    )


def _issuer(settings: Settings) -> str:
    return f"https://sts.windows.net/{settings.tenant_id}/"


def access_token(settings: Settings, audience: str, seconds: float | None = None) -> str:
    """An access token for `audience`, as Entra would issue it to the emulator's application.

    It lives `seconds`, by default as long as the settings say.
    """
    claims = {
        "aud": audience,
        "iss": _issuer(settings),
        "tid": settings.tenant_id,
        "oid": str(uuid.uuid5(uuid.NAMESPACE_URL, settings.client_id)),
        "appid": settings.client_id,
    }
    return _sign(settings, claims, settings.token_lifetime if seconds is None else seconds)


def expired(settings: Settings, at: float) -> ServiceError:
    """The 401 for an access token that expired at this time (in seconds since 1970)."""
    then, now = (time.strftime("%m/%d/%Y %H:%M:%S", time.gmtime(when)) for when in (at, time.time()))
    text = f"The access token expiry UTC time '{then}' is earlier than current UTC time '{now}'."
    challenge = f'Bearer authorization_uri="https://{LOGIN_HOST}/{settings.tenant_id}", error="invalid_token"'
    header = {"WWW-Authenticate": f'{challenge}, error_description="{text}"'}
    return unauthorized(text, "ExpiredAuthenticationToken", header)


def check_access_token(settings: Settings, header: str | None) -> None:
    """Raise ServiceError (401) unless the Authorization header bears a token of ours, for Azure ML, in its time."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthorized("Authentication failed. The 'Authorization' header is missing.", "AuthenticationFailed")
    try:
        expiry = _expiry(token, settings.signing_key, _issuer(settings))
    except jwt.ExpiredSignatureError as error:
        claims = jwt.decode(token, options={"verify_signature": False})
        raise expired(settings, claims["exp"]) from error
    except jwt.InvalidAudienceError as error:
        raise unauthorized(
            "The access token has been obtained for wrong audience.", "InvalidAuthenticationTokenAudience"
        ) from error
    except jwt.InvalidTokenError as error:
        raise unauthorized("The access token is invalid.") from error
    if expiry <= time.time():
        raise expired(settings, expiry)


@functools.lru_cache(_REMEMBERED)
def _expiry(token: str, key: str, issuer: str) -> float:
    """When a good access token expires, in seconds since 1970. Raises jwt.InvalidTokenError for any other.

    Clients send the same one with every request, and to check it takes longer than most answers.
    """
    # GitHub's tokens are signed here too, for any audience that is asked for: only the issuer tells them apart.
    claims = jwt.decode(
        token,
        key,
        algorithms=["HS256"],
        audience=list(_AUDIENCES),
        issuer=issuer,
        options={"require": ["exp", "nbf", "aud", "iss"]},
    )
    return float(claims["exp"])


def _refusal(code: str, description: str, error: str = "invalid_client") -> JSONResponse:
    body = {
        "error": error,
        "error_description": f"{code}: {description}",
        "error_codes": [int(code.removeprefix("AADSTS"))],
    }
    return JSONResponse(body, status_code=401)


def _refused(settings: Settings, form: dict[str, str]) -> JSONResponse | None:
    """Why Entra would issue no token to this request, or None."""
    client = form.get("client_id")
    if client != settings.client_id:
        text = f"Application with identifier '{client}' was not found in the directory '{settings.tenant_id}'."
        return _refusal("AADSTS700016", text, "unauthorized_client")
    if assertion := form.get("client_assertion"):
        return _refused_assertion(settings, assertion, form.get("client_assertion_type"))
    if not hmac.compare_digest(form.get("client_secret", "").encode(), settings.client_secret.encode()):
        return _refusal("AADSTS7000215", "Invalid client secret provided.")
    return None


def _refused_assertion(settings: Settings, assertion: str, kind: str | None) -> JSONResponse | None:
    if kind != _ASSERTION_TYPE:
        return _refusal("AADSTS900144", "The request body must contain the parameter 'client_assertion_type'.")
    key, algorithms = settings.signing_key, ["HS256"]
    try:
        jwt.decode(assertion, key, algorithms=algorithms, audience=FEDERATED_AUDIENCE, issuer=GITHUB_ISSUER, leeway=5)
    except jwt.ExpiredSignatureError:
        return _refusal("AADSTS700024", "Client assertion is not within its valid time range.")
    except jwt.InvalidTokenError as error:
        return _refusal(
            "AADSTS700213", f"No matching federated identity record found for presented assertion: {error}."
        )
    return None


def routes(context: Context) -> list[Route]:
    """Entra's discovery and token endpoints, and GitHub's."""
    settings = context.settings

    async def discovery(request: Request) -> Response:
        tenant = f"https://{request.headers['host']}/{request.path_params['tenant']}"
        return JSONResponse(
            {
                "issuer": f"{tenant}/v2.0",
                "token_endpoint": f"{tenant}/oauth2/v2.0/token",
                "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{tenant}/oauth2/v2.0/devicecode",
                "jwks_uri": f"{tenant}/discovery/v2.0/keys",
                "tenant_region_scope": "EU",
            }
        )

    async def instance(request: Request) -> Response:
        host = request.headers["host"]
        metadata = [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}]
        endpoint = f"https://{host}/{settings.tenant_id}/v2.0/.well-known/openid-configuration"
        return JSONResponse({"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": metadata})

    async def token(request: Request) -> Response:
        if request.path_params["tenant"] != settings.tenant_id:
            text = f"Tenant '{request.path_params['tenant']}' not found."
            return _refusal("AADSTS90002", text, "invalid_request")
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        if refusal := _refused(settings, form):
            return refusal
        # The az CLI asks for ".net//.default": only what follows the resource's own slash is the scope.
        audience = form.get("scope", "").split(" ")[0].removesuffix("/.default")
        body = {"token_type": "Bearer", **dict.fromkeys(("expires_in", "ext_expires_in"), int(settings.token_lifetime))}
        return JSONResponse({**body, "access_token": access_token(settings, audience)})

    async def github_token(request: Request) -> Response:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        expected = settings.github_request_token
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), expected.encode()):
            return JSONResponse({"message": "Unauthorized"}, status_code=401)
        claims = {
            "iss": GITHUB_ISSUER,
            "sub": "repo:org/repository:ref:refs/heads/main",
            "aud": request.query_params.get("audience", "https://github.com/org"),
        }
        return JSONResponse({"value": _sign(settings, claims, min(GITHUB_TOKEN_SECONDS, settings.token_lifetime))})

    return [
        Route("/{tenant}/v2.0/.well-known/openid-configuration", discovery),
        Route("/common/discovery/instance", instance),
        Route("/{tenant}/oauth2/v2.0/token", token, methods=["POST"]),
        Route("/_apis/distributedtask/idtoken", github_token),
    ]

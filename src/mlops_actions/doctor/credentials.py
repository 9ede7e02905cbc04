"""Checks of the sign-in to Azure: by which way, as whom, whether a token can be had, and whether the clocks agree."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from mlops_actions import azure, network
from mlops_actions.doctor.findings import Check, Finding, ok, warning, wrong
from mlops_actions.doctor.surroundings import QUICK, Surroundings
from mlops_actions.errors import ActionError

CLOCK = f"{azure.ARM}/metadata/endpoints?api-version=2020-06-01"
"""Answers anybody, so the time can be had even when no token can."""

# Entra takes what a clock says for up to five minutes:
# https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
_REFUSED_SECONDS, _NOTABLE_SECONDS = 300, 60
_SOON_SECONDS = 300
_ENVIRONMENT = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
_INSTEAD_OF_A_SECRET = ("AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_CERTIFICATE_PATH")
_HOW = "give AZURE_CREDENTIALS (az ad sp create-for-rbac --json-auth), or sign in before: az login"

REMEDIES = {
    "AADSTS7000215": "the secret's value is wrong (not its id?): Entra > App registrations > the application > "
    "Certificates & secrets > New client secret",
    "AADSTS7000222": "the secret has expired: az ad app credential reset --id <client id>",
    "AADSTS700016": "the client id is not one of this tenant's: compare it in Entra > App registrations > Overview",
    "AADSTS90002": "there is no such tenant: az account show --query tenantId",
    "AADSTS700213": "add the repository's branch or environment as a federated credential: Entra > App registrations > "
    "the application > Certificates & secrets > Federated credentials",
    "AADSTS70021": "add the repository's branch or environment as a federated credential: Entra > App registrations > "
    "the application > Certificates & secrets > Federated credentials",
    "AADSTS700024": "set this machine's clock: timedatectl set-ntp true",
    "AADSTS700082": "the sign-in has expired: az login",
    "AADSTS50173": "the sign-in has been revoked: az login",
}
"""What to do about Entra's refusals: https://learn.microsoft.com/entra/identity-platform/reference-error-codes"""


def way(surroundings: Surroundings, environment: Mapping[str, str]) -> str:
    """By which way the actions would sign in, in words."""
    given = surroundings.sign_in
    if surroundings.service_principal:
        source = "azure-credentials" if given.azure_credentials else "AZURE_CREDENTIALS"
        return f"the service principal {surroundings.service_principal['clientId']} in {source}"
    if given.client_id or given.tenant_id:
        return f"GitHub's OIDC token, as application {given.client_id}"
    if all(environment.get(variable) for variable in _ENVIRONMENT):
        return f"the service principal {environment['AZURE_CLIENT_ID']} in {', '.join(_ENVIRONMENT)}"
    return "what is signed in on this machine (workload or managed identity, az login, azd, …)"


def _credentials(surroundings: Surroundings) -> Finding:
    try:
        surroundings.service_principal = azure.service_principal(surroundings.sign_in)
    except ActionError as error:
        fix = "az ad sp create-for-rbac --name <name> --role Contributor --scopes <resource group's id> --json-auth"
        return wrong(str(error), f"give what this prints: {fix}")
    found = way(surroundings, os.environ)
    partly = [variable for variable in _ENVIRONMENT[1:] if os.environ.get(variable)]
    other = any(os.environ.get(variable) for variable in _INSTEAD_OF_A_SECRET)
    if found.startswith("what is") and len(partly) == 1 and os.environ.get("AZURE_TENANT_ID") and not other:
        missing = next(variable for variable in _ENVIRONMENT if not os.environ.get(variable))
        return warning(f"{missing} is missing beside {', '.join(partly)}; so it is {found}", f"set {missing}")
    return ok(found)


def _token(surroundings: Surroundings) -> Finding:
    try:
        credential = azure.signed_in(surroundings.sign_in, surroundings.service_principal, **QUICK)
        token = credential.get_token(azure.SCOPE)
    except ActionError as error:
        return wrong(str(error), _remedy(str(error)))
    surroundings.credential = credential
    told = claims(token.token)
    surroundings.identity = identity(told)
    left = token.expires_on - time.time()
    found = f"{whose(told)}, by {_class(credential)}; good for {left / 60:.0f} min"
    if left < _SOON_SECONDS:
        return warning(f"{found}; the next one is not longer", "look at the tenant's token lifetime policy and clock")
    return ok(found)


def _remedy(refusal: str) -> str:
    for code, remedy in REMEDIES.items():
        if f"{code}:" in refusal:
            return remedy
    if "id-token" in refusal:
        return "permissions: {id-token: write} in the job; on a laptop use az login instead of client-id"
    return _HOW


def claims(token: str) -> dict[str, Any]:
    """What an access token says of itself; nothing if it is not a JSON web token. It is not verified: it is our own."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
        return {}
    try:
        told = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def identity(told: Mapping[str, Any]) -> str:
    """To whom roles are assigned: an application's id; a user's, whose token has that of the program in `appid`."""
    application = "" if _user(told) else told.get("appid") or told.get("azp")
    return str(application or told.get("oid") or "")


def _user(told: Mapping[str, Any]) -> str:
    return str(told.get("upn") or told.get("unique_name") or told.get("preferred_username") or "")


def whose(told: Mapping[str, Any]) -> str:
    """Whose token it is, by its claims: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference."""
    tenant = f" of tenant {told['tid']}" if told.get("tid") else ""
    if user := _user(told):
        return f"user {user}{tenant}"
    if told.get("appid") or told.get("azp"):
        return f"application {told.get('appid') or told.get('azp')}{tenant}"
    return f"somebody{tenant}, of whom the token does not tell"


def _class(credential: object) -> str:
    # Of DefaultAzureCredential only this tells which of its ways it was; a later version may call it otherwise.
    return type(getattr(credential, "_successful_credential", None) or credential).__name__


def _clock(_: Surroundings) -> Finding:
    from azure.core.pipeline import Pipeline  # noqa: PLC0415 - slow to import
    from azure.core.pipeline.policies import RetryPolicy  # noqa: PLC0415
    from azure.core.rest import HttpRequest  # noqa: PLC0415

    pipeline = Pipeline(network.transport(), [RetryPolicy(**{**network.retries(), **QUICK})])
    began = time.time()
    response = pipeline.run(HttpRequest("GET", CLOCK)).http_response
    return compared(str(response.headers.get("Date") or ""), (began + time.time()) / 2)


def compared(date: str, here: float) -> Finding:
    """The time on this machine (seconds since 1970) beside the Date header (RFC 9110) of Azure's answer."""
    try:
        there = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return warning("Azure's answer has no date", "look for a proxy between here and management.azure.com")
    ahead = here - there
    found = f"this machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} Azure's"
    fix = "set the clock: timedatectl set-ntp true (in WSL: hwclock -s; in a VM: after sleep)"
    if abs(ahead) >= _REFUSED_SECONDS:
        return wrong(f"{found}: tokens are refused as not valid yet, or any more", fix)
    return warning(found, fix) if abs(ahead) >= _NOTABLE_SECONDS else ok(found)


CHECKS = (
    Check("credentials", "credentials", _credentials),
    Check(
        "clock",
        "credentials",
        _clock,
        remedy="management.azure.com is to be reachable by HTTPS: set HTTPS_PROXY, or REQUESTS_CA_BUNDLE to the "
        "certificates of a proxy that breaks TLS",
    ),
    Check("token", "credentials", _token, needs=("credentials",), remedy=_HOW),
)

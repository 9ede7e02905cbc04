"""Sign-in to Azure and the clients of a workspace.

`azure.ai.ml` takes over a second to import, so it is imported inside the functions that need it; states are read with
azure-core alone, whose pipeline brings tokens and their renewal. All clients retry as `network` says.
"""

from mlops_actions.azure.connection import ml_client, place, workspace
from mlops_actions.azure.credentials import (
    AS_THE_ENVIRONMENT_SAYS,
    SignIn,
    github_id_token,
    service_principal,
    signed_in,
)
from mlops_actions.azure.rest import ARM, SCOPE, Rest, Workspace

__all__ = [
    "ARM",
    "AS_THE_ENVIRONMENT_SAYS",
    "SCOPE",
    "Rest",
    "SignIn",
    "Workspace",
    "github_id_token",
    "ml_client",
    "place",
    "service_principal",
    "signed_in",
    "workspace",
]

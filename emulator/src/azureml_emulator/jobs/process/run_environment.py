"""The environment variables of a run's processes: what they see in Azure, and nothing of the emulator's own.

The names are those that the runtime of Azure ML sets, of which some are documented and others known by the libraries
that read them: azureml-mlflow (`_common/constants.py`, `_internal/service_context_loader.py`), azure-ai-ml
(`identity/_credentials`) and azure-identity (`_credentials/azure_ml.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ... import workspaces
from ...context import Context
from ...settings import API_HOST, Settings
from ..assignment import Assignment
from ..environment.definition import Environment
from ..services import Services
from . import run_identity, run_tokens
from .programs import COOKIE
from .surroundings import surroundings

_DIRECT = "127.0.0.1,localhost"


def variables(
    services: Services,
    assignment: Assignment,
    environment: Environment,
    *,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    home: Path,
) -> dict[str, str]:
    """The variables; those of the environment and of the node win over the emulator's. `home` is the run's HOME."""
    settings = services.context.settings
    kept = surroundings(own_proxy=settings.ports.proxy)
    home.mkdir(exist_ok=True)
    program = assignment.node.component.program
    return {
        **kept,
        **_to_azure(settings),
        **environment.activation(kept.get("PATH", "/usr/local/bin:/usr/bin:/bin")),
        "HOME": str(home),
        "PYTHONUNBUFFERED": "1",
        COOKIE: assignment.mlflow,
        **_names(services.context, assignment),
        **_access(services, assignment, environment),
        **run_identity.variables(services.context, assignment),
        "AZUREML_CR_EXECUTION_WORKING_DIR_PATH": str(home.parent / "work"),
        **_ports("INPUT", inputs),
        **_ports("OUTPUT", outputs),
        **environment.variables,
        **(program.variables if program else {}),
        **assignment.node.variables,
    }


def _to_azure(settings: Settings) -> dict[str, str]:
    """What leads Azure's host names to the emulator; its proxy lets every other host through."""
    proxy, bundle = f"http://127.0.0.1:{settings.ports.proxy}", str((settings.certificates / "bundle.pem").resolve())
    return {
        **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), proxy),
        # Nothing else: the machine's own exceptions are the proxy's to know.
        **dict.fromkeys(("NO_PROXY", "no_proxy"), _DIRECT),
        **dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"), bundle),
    }


def _names(context: Context, assignment: Assignment) -> dict[str, str]:
    settings = context.settings
    workspace = context.store.get(workspaces.KIND, context.workspace_id) or {"properties": {}}
    return {
        "AZUREML_RUN_ID": assignment.run,
        "AZUREML_ROOT_RUN_ID": assignment.root,
        "AZUREML_EXPERIMENT_ID": assignment.experiment_id,
        "AZUREML_EXPERIMENT_SCOPE": f"{context.workspace_id}/experiments/{assignment.experiment}",
        "AZUREML_WORKSPACE_ID": str(workspace["properties"].get("workspaceId", "")),
        "AZUREML_WORKSPACE_SCOPE": context.workspace_id,
        "AZUREML_ARM_SUBSCRIPTION": settings.subscription_id,
        "AZUREML_ARM_RESOURCEGROUP": settings.resource_group,
        "AZUREML_ARM_WORKSPACE_NAME": settings.workspace,
        "AZUREML_ARM_PROJECT_NAME": assignment.experiment,
        "AZUREML_CURRENT_CLOUD": "AzureCloud",
        "MLFLOW_EXPERIMENT_ID": assignment.experiment_id,
        "MLFLOW_EXPERIMENT_NAME": assignment.experiment,
        "MLFLOW_RUN_ID": assignment.run,
    }


def _access(services: Services, assignment: Assignment, environment: Environment) -> dict[str, str]:
    """The services of the workspace, and a token of the run's own for them."""
    context = services.context
    token = run_tokens.issue(context.settings, assignment.run, assignment.root, assignment.experiment_id)
    # MLflow by itself has no idea of `azureml:`, and the plugin takes nothing else.
    scheme = "azureml" if environment.has_mlflow_plugin else "https"
    return {
        "AZUREML_SERVICE_ENDPOINT": context.settings.api_url,
        "AZUREML_RUN_HISTORY_SERVICE_ENDPOINT": context.settings.api_url,
        "AZUREML_DISCOVERY_SERVICE_ENDPOINT": f"{context.settings.api_url}/discovery",
        "AZUREML_RUN_TOKEN": token.text,
        "AZUREML_RUN_TOKEN_EXPIRY": str(token.expiry),
        "MLFLOW_TRACKING_URI": f"{scheme}://{API_HOST}/mlflow/v2.0{context.workspace_id}",
        "MLFLOW_TRACKING_TOKEN": token.text,
    }


def _ports(kind: str, values: Mapping[str, str]) -> dict[str, str]:
    """The inputs or outputs, each by its name and, if that is not taken, by it in lower and in upper case."""
    spelled = {(name, spelling) for name in values for spelling in (name.lower(), name.upper())}
    others = {f"AZURE_ML_{kind}_{spelling}": values[name] for name, spelling in spelled}
    return {**others, **{f"AZURE_ML_{kind}_{name}": value for name, value in values.items()}}

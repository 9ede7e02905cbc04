"""The environment variables of a run's processes: what they see in Azure, and nothing of the emulator's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .assignment import Assignment
from .environments import Environment, surroundings
from .programs import COOKIE
from .services import Services


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
    work = assignment.node.component.work
    return {
        **kept,
        "PATH": f"{environment.programs}:{kept.get('PATH', '/usr/local/bin:/usr/bin:/bin')}",
        "VIRTUAL_ENV": str(environment.folder),
        "HOME": str(home),
        "PYTHONUNBUFFERED": "1",
        COOKIE: assignment.mlflow,
        "AZUREML_RUN_ID": assignment.run,
        "AZUREML_ROOT_RUN_ID": assignment.root,
        "AZUREML_EXPERIMENT_ID": assignment.experiment_id,
        "AZUREML_ARM_SUBSCRIPTION": settings.subscription_id,
        "AZUREML_ARM_RESOURCEGROUP": settings.resource_group,
        "AZUREML_ARM_WORKSPACE_NAME": settings.workspace,
        "AZUREML_ARM_PROJECT_NAME": assignment.experiment,
        "MLFLOW_TRACKING_URI": services.tracking.url,
        "MLFLOW_EXPERIMENT_ID": assignment.experiment_id,
        "MLFLOW_EXPERIMENT_NAME": assignment.experiment,
        "MLFLOW_RUN_ID": assignment.mlflow,
        **{f"AZURE_ML_INPUT_{name}": value for name, value in inputs.items()},
        **{f"AZURE_ML_OUTPUT_{name}": value for name, value in outputs.items()},
        **environment.variables,
        **getattr(work, "variables", {}),
        **assignment.node.variables,
    }

"""`mlops doctor`: the checks, in the order in which they build on each other."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import get_args

from rich.console import Console

from mlops_actions import github
from mlops_actions.azure import AS_THE_ENVIRONMENT_SAYS, SignIn
from mlops_actions.doctor import cluster, compute, credentials, datastore, registry, tools, workspace
from mlops_actions.doctor.examination import examine, with_needs
from mlops_actions.doctor.findings import Area
from mlops_actions.doctor.presentation import as_json, is_well, show
from mlops_actions.doctor.surroundings import Surroundings
from mlops_actions.errors import ActionError

CHECKS = (
    *tools.CHECKS,
    *credentials.CHECKS,
    *workspace.CHECKS,
    *datastore.CHECKS,
    *compute.CHECKS,
    *registry.CHECKS,
    *cluster.CHECKS,
)


def doctor(
    *,
    only: tuple[str, ...] = (),
    compute: str | None = None,
    compute_file: Path | None = None,
    image: str | None = None,
    kubeconfig: str | None = None,
    context: str | None = None,
    namespace: str | None = None,
    timeout_seconds: float = 30,
    json: bool = False,
    sign_in: SignIn = AS_THE_ENVIRONMENT_SAYS,
) -> int:
    """Look at all that the actions need, one by one, and say what to mend; what it tries, it undoes.

    Args:
        only: areas to look at, one of tools, credentials, workspace, datastore, compute, registry, cluster; the flag
            may be given more than once; what an area needs is looked at too
        compute: name of the compute to look at
        compute_file: YAML of the compute to look at
        image: name of the image to push, with its registry; default is $IMAGE
        kubeconfig: path or content of a kubeconfig; default is what kubectl finds by itself
        context: context of the kubeconfig to use instead of its current one
        namespace: namespace to deploy to; default is $K8S_NAMESPACE, or that of the context
        timeout_seconds: how long each check may take
        json: print one JSON object instead
        sign_in: where the workspace is and how to sign in

    """
    if timeout_seconds <= 0:
        raise ActionError("timeout-seconds must be more than 0")
    if unknown := [area for area in only if area not in get_args(Area)]:
        raise ActionError(f"only: there is no '{unknown[0]}' to look at, but {', '.join(get_args(Area))}")
    user, password = os.environ.get("REGISTRY_USERNAME"), os.environ.get("REGISTRY_PASSWORD")
    if password:
        github.mask(password)
    surroundings = Surroundings(
        sign_in=sign_in,
        compute=compute,
        compute_file=compute_file,
        image=image or os.environ.get("IMAGE"),
        registry_login=(user, password) if user and password else None,
        kubeconfig=kubeconfig,
        context=context,
        namespace=namespace or os.environ.get("K8S_NAMESPACE"),
        asked=frozenset(only),
    )
    with surroundings.entered:
        examined = examine(with_needs(CHECKS, only), surroundings, timeout_seconds)
        if json:
            done = list(examined)
            sys.stdout.write(f"{as_json(done)}\n")
        else:
            done = show(examined, Console(soft_wrap=True))
    return 0 if is_well(done) else 1

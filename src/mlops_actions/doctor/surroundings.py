"""What is examined, as the caller names it, and what the checks before have learnt of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_actions.azure import AS_THE_ENVIRONMENT_SAYS, Rest, SignIn, Workspace
from mlops_actions.image_reference import ImageReference
from mlops_actions.kube.kubectl import Kubectl

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

# A doctor tells soon what does not answer, where an action would try for minutes.
QUICK: Mapping[str, Any] = dict.fromkeys(("retry_total", "retry_connect", "retry_read", "retry_status"), 1)


@dataclass
class Surroundings:
    """The upper part is given; a check fills in what is below, for those that need it."""

    sign_in: SignIn = AS_THE_ENVIRONMENT_SAYS
    compute: str | None = None
    compute_file: Path | None = None
    image: str | None = None
    registry_login: tuple[str, str] | None = None
    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None
    asked: frozenset[str] = frozenset()
    """The areas that were asked for by name: there, what is not given is wrong, not skipped."""

    service_principal: Mapping[str, str] = field(default_factory=dict)
    credential: TokenCredential | None = None
    identity: str = ""
    """Id of the application or the user that is signed in."""
    place: tuple[str, str, str] = ("", "", "")
    """Subscription, resource group and workspace."""
    location: str = ""
    datastore: Mapping[str, Any] = field(default_factory=dict)
    compute_size: tuple[str, int] = ("", 0)
    """VM size of the compute and how many machines more it may take."""
    low_priority: bool = False
    reference: ImageReference | None = None
    kubectl: Kubectl | None = None
    namespace_labels: Mapping[str, str] | None = None
    entered: ExitStack = field(default_factory=ExitStack)
    """What is to be left when all checks are done, such as a kubeconfig in a file."""

    @property
    def workspace(self) -> Workspace:
        """The workspace; it may not exist."""
        if self.credential is None:
            raise AssertionError("a check of the workspace needs the one of the token")
        return Workspace(*self.place, self.credential)

    @property
    def rest(self) -> Rest:
        """Azure ML's REST API at the workspace."""
        return Rest(self.workspace, **QUICK)

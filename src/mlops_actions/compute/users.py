"""The jobs that use a compute, found in the workspace's list of jobs over ARM.

https://learn.microsoft.com/rest/api/azureml/jobs/list has no filter for a compute or a status, so the jobs are looked
through here. It lists no nodes: a pipeline is taken to use its default compute and those that its nodes name. What the
nodes of a registered pipeline component name is not in the list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlops_actions.azure import Rest

_ENDED = frozenset({"Completed", "Failed", "Canceled"})
_ENDING = frozenset({"CancelRequested", "Finalizing"})
_COMPUTE_KEYS = frozenset({"computeId", "defaultCompute", "default_compute", "compute"})
_LONGEST = timedelta(days=60)
"""No job of Azure's lives longer, with time to be queued:
https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas (job lifetime, 21 days)."""


@dataclass(frozen=True)
class Use:
    """A job that has not ended, and whose compute this is."""

    job: str
    status: str

    @property
    def ending(self) -> bool:
        """Whether it is about to let go of the compute."""
        return self.status in _ENDING


def uses_of(rest: Rest, compute: str) -> list[Use]:
    """The jobs that have not ended and use the compute of this name, as they are listed. Raises AzureError."""
    oldest = (datetime.now(UTC) - _LONGEST).isoformat()[:19]
    found = []
    for page in rest.pages("jobs", {"listViewType": "All"}):
        for job in page:
            status = str(job["properties"].get("status"))
            if status not in _ENDED and compute.casefold() in _computes(job["properties"]):
                found.append(Use(str(job["name"]), status))
        created = [str((job.get("systemData") or {}).get("createdAt") or "~")[:19] for job in page]
        # A long list need not be read to its end if it is seen to go back in time.
        if created and created == sorted(created, reverse=True) and created[-1] < oldest:
            break
    return found


def _computes(value: Any) -> set[str]:
    """The names of the computes that a job's definition names, wherever in it."""
    return {str(named).rstrip("/").rsplit("/", 1)[-1].removeprefix("azureml:").casefold() for named in _named(value)}


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _COMPUTE_KEYS and isinstance(inner, str):
                yield inner
            else:
                yield from _named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner)

"""What a region has: sizes of virtual machines, and what is in use of the quota.

https://learn.microsoft.com/rest/api/azureml/virtual-machine-sizes, …/usages
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import arm, computes, paging
from ..context import Context
from ..errors import bad_request
from ..routing import Operation
from ..settings import REGION
from . import quota, vm_sizes

_BASE = f"{arm.SUBSCRIPTION}/locations/{{location}}"


def routes(context: Context) -> list[Route]:
    """The lists of sizes and of usages."""

    def check(request: Request) -> None:
        arm.check_group(context.settings, request)
        location = request.path_params["location"]
        if location.replace(" ", "").lower() != REGION:
            told = f"'{location}' is not a region of this emulator: it has {REGION}"
            raise bad_request(told, "LocationNotAvailableForResourceType")

    async def sizes(request: Request) -> Response:
        check(request)
        return JSONResponse({"value": [_size(one) for one in vm_sizes.SIZES]})

    async def usages(request: Request) -> Response:
        check(request)
        found = quota.usages(context.settings.state, computes.every(context))
        base = f"/subscriptions/{context.settings.subscription_id}/providers/{arm.PROVIDER}/locations/{REGION}/usages"
        return paging.paged(request, [_usage(base, *one) for one in found])

    return [
        Operation(f"{_BASE}/vmSizes", sizes, "VirtualMachineSizes_List", missing="sizes of disks; what sizes cost"),
        Operation(f"{_BASE}/usages", usages, "Usages_List"),
    ]


def _size(size: vm_sizes.Size) -> dict[str, object]:
    return {
        "name": size.name,
        "family": size.family,
        "vCPUs": size.cpus,
        "gpus": size.gpus,
        "memoryGB": size.memory,
        "lowPriorityCapable": True,
        "premiumIO": size.premium,
        "supportedComputeTypes": [computes.CLUSTER, computes.INSTANCE],
    }


def _usage(base: str, name: str, used: int, limit: int) -> dict[str, object]:
    return {
        "id": f"{base}/{name}",
        "amlWorkspaceLocation": REGION,
        "type": f"{arm.PROVIDER}/usages",
        "unit": "Count",
        "currentValue": used,
        "limit": limit,
        "name": {"value": name, "localizedValue": name},
    }

"""Long-running operations: answered 201 or 202 at once, and polled until they end.

https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import arm
from .errors import not_found
from .settings import ARM_HOST, REGION
from .store import Store

KIND = "operations"
_BASE = "/subscriptions/{subscription}/providers/" + arm.PROVIDER + "/locations/{location}"

# The SDK polls every 30 s unless told otherwise, and takes "Retry-After: 0" for no answer at all.
POLL_SOON = {"x-ms-retry-after-ms": "100"}


class Operations:
    """Operations in flight. They are stored, so one that a restart interrupts still ends when its time is up."""

    def __init__(self, store: Store, subscription_id: str) -> None:
        self._store = store
        self._subscription = subscription_id
        self._finishers: dict[str, Callable[[str], None]] = {}

    def on_finish(self, name: str, finisher: Callable[[str], None]) -> None:
        """Say what ends the operations called `name`: a function of the ARM id that they work on."""
        self._finishers[name] = finisher

    def start(self, name: str, target: str, *, seconds: float) -> dict[str, str]:
        """Begin an operation on the resource `target` (an ARM id); the answer is the headers to poll it by."""
        identity = str(uuid.uuid4())
        value = {"id": identity, "name": name, "target": target, "due": time.time() + seconds, "status": "InProgress"}
        self._store.put(KIND, identity, value)
        base = _BASE.format(subscription=self._subscription, location=REGION)
        url = f"https://{ARM_HOST}{base}"
        return {
            "Azure-AsyncOperation": f"{url}/mfeOperationsStatus/{identity}",
            "Location": f"{url}/mfeOperationsResults/{identity}",
            **POLL_SOON,
        }

    def in_flight(self, target: str) -> bool:
        """Whether an operation works on `target` now."""
        return any(o["target"].lower() == target.lower() for o in self._open())

    def finish_due(self) -> None:
        """End what has run its time."""
        for operation in self._open():
            if operation["due"] <= time.time():
                self._finishers[operation["name"]](operation["target"])
                self._store.update(KIND, operation["id"], lambda o: o.update(status="Succeeded"))

    def cut_short(self, target: str) -> None:
        """Let the operations on `target` end at the next look, whatever their time."""
        for operation in self._open():
            if operation["target"].lower() == target.lower():
                self._store.update(KIND, operation["id"], lambda o: o.update(due=0.0))

    def get(self, identity: str) -> dict[str, Any]:
        """The operation. Raises ServiceError (404) if there is none."""
        operation = self._store.get(KIND, identity)
        if operation is None:
            raise not_found(f"operation {identity} not found")
        return operation

    def _open(self) -> list[dict[str, Any]]:
        return [o for o in self._store.list(KIND) if o["status"] == "InProgress"]

    async def run(self) -> None:
        """End operations as they become due, for as long as the emulator runs."""
        while True:
            self.finish_due()
            await asyncio.sleep(0.05)


def routes(operations: Operations, store: Store) -> list[Route]:
    """The two URLs that an operation is polled by."""

    async def status(request: Request) -> Response:
        operation = operations.get(request.path_params["identity"])
        body = {"id": operation["id"], "name": operation["id"], "status": operation["status"]}
        return JSONResponse(body, headers=POLL_SOON if operation["status"] == "InProgress" else {})

    async def result(request: Request) -> Response:
        operation = operations.get(request.path_params["identity"])
        if operation["status"] == "InProgress":
            url = f"https://{request.headers['host']}{request.url.path}"
            return Response(status_code=202, headers={"Location": url, **POLL_SOON})
        target = store.get(operation["target"].rsplit("/", 2)[-2], operation["target"])
        return JSONResponse(target) if target else Response(status_code=204)

    return [
        Route(_BASE + "/mfeOperationsStatus/{identity}", status),
        Route(_BASE + "/mfeOperationsResults/{identity}", result),
    ]

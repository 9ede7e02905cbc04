"""Long-running operations: answered 201 or 202 at once, and polled until they end.

https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import arm
from .errors import ServiceError, not_found
from .faults.armory import Armory
from .routing import Operation
from .settings import ARM_HOST, REGION
from .store import Store

log = logging.getLogger(__name__)

KIND = "operations"
_REMEMBERED_SECONDS = 24 * 3600
_BASE = "/subscriptions/{subscription}/providers/" + arm.PROVIDER + "/locations/{location}"

# The SDK polls every 30 s unless told otherwise, and takes "Retry-After: 0" for no answer at all.
POLL_SOON = {"x-ms-retry-after-ms": "100"}


class Operations:
    """Operations in flight. They are stored, so one that a restart interrupts still ends when its time is up."""

    def __init__(self, store: Store, subscription_id: str, faults: Armory | None = None) -> None:
        self._store = store
        self._subscription = subscription_id
        self._faults = faults or Armory(store)
        self._finishers: dict[str, Callable[[str], None]] = {}
        # Those in flight are kept at hand: the store holds all that ever were, and is not to be read 20 times a second.
        # The store's transactions are the lock: whoever has one may begin an operation in it.
        self._open: dict[str, dict[str, Any]] = {}
        for operation in store.list(KIND):
            if operation["status"] == "InProgress":
                self._open[operation["id"]] = operation
            elif operation["due"] < time.time() - _REMEMBERED_SECONDS:
                store.delete(KIND, operation["id"])

    def on_finish(self, name: str, finisher: Callable[[str], None]) -> None:
        """Say what ends the operations called `name`: a function of the ARM id that they work on.

        An operation whose finisher raises ServiceError has failed with its code and message.
        """
        self._finishers[name] = finisher

    def start(self, name: str, target: str, *, seconds: float) -> dict[str, str]:
        """Begin an operation on the resource `target` (an ARM id); the answer is the headers to poll it by."""
        identity = str(uuid.uuid4())
        value: dict[str, Any] = {"id": identity, "name": name, "target": target, "due": time.time() + seconds}
        with self._store.transaction():
            value |= {"status": "InProgress", "held": self._faults.hold(name, target)}
            self._store.put(KIND, identity, value)
            self._open[identity] = value
        base = _BASE.format(subscription=self._subscription, location=REGION)
        url = f"https://{ARM_HOST}{base}"
        return {
            "Azure-AsyncOperation": f"{url}/mfeOperationsStatus/{identity}",
            "Location": f"{url}/mfeOperationsResults/{identity}",
            **POLL_SOON,
        }

    def in_flight(self, target: str) -> bool:
        """Whether an operation works on `target` now."""
        return bool(self._on(target))

    def finish_due(self) -> None:
        """End what has run its time."""
        for operation in [o for o in list(self._open.values()) if o["due"] <= time.time()]:
            if self._faults.holds(operation.get("held")):
                continue
            # Both or neither: what the operation leaves behind, and that it has ended.
            with self._store.transaction():
                ended = self._finish(operation)
                self._store.put(KIND, ended["id"], ended)
                del self._open[ended["id"]]

    def _finish(self, operation: dict[str, Any]) -> dict[str, Any]:
        try:
            self._finishers[operation["name"]](operation["target"])
        except ServiceError as refusal:
            return {**operation, "status": "Failed", "error": {"code": refusal.code, "message": refusal.message}}
        except Exception:
            # A defect here ends this operation, which its client learns, and no other.
            log.exception("operation %s on %s failed", operation["name"], operation["target"])
            error = {
                "code": "InternalServerError",
                "message": f"the emulator failed at {operation['name']}: see its log",
            }
            return {**operation, "status": "Failed", "error": error}
        return {**operation, "status": "Succeeded"}

    def cut_short(self, target: str) -> None:
        """Let the operations on `target` end at the next look, whatever their time."""
        for operation in self._on(target):
            with self._store.transaction():
                operation["due"] = time.time()
                if operation["id"] in self._open:
                    self._store.put(KIND, operation["id"], operation)

    def cut_short_all(self, name: str) -> None:
        """Let all operations called `name` end at the next look."""
        for target in {operation["target"] for operation in list(self._open.values()) if operation["name"] == name}:
            self.cut_short(target)

    def get(self, identity: str) -> dict[str, Any]:
        """The operation. Raises ServiceError (404) if there is none."""
        operation = self._store.get(KIND, identity)
        if operation is None:
            raise not_found(f"operation {identity} not found")
        return operation

    def _on(self, target: str) -> list[dict[str, Any]]:
        return [o for o in list(self._open.values()) if o["target"].lower() == target.lower()]

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
        if operation["status"] == "Failed":
            body["error"] = operation["error"]
        return JSONResponse(body, headers=POLL_SOON if operation["status"] == "InProgress" else {})

    async def result(request: Request) -> Response:
        operation = operations.get(request.path_params["identity"])
        if operation["status"] == "InProgress":
            url = f"https://{request.headers['host']}{request.url.path}"
            return Response(status_code=202, headers={"Location": url, **POLL_SOON})
        if operation["status"] == "Failed":
            raise ServiceError(500, **operation["error"])
        target = store.get(operation["target"].rsplit("/", 2)[-2], operation["target"])
        return JSONResponse(target) if target else Response(status_code=204)

    return [
        Operation(_BASE + "/mfeOperationsStatus/{identity}", status, "Status of a long-running operation"),
        Operation(_BASE + "/mfeOperationsResults/{identity}", result, "Result of a long-running operation"),
    ]

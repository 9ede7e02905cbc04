"""The emulator's process: Azurite and MLflow beside it, the TLS server and the proxy in it. `up` starts it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType

import uvicorn

from . import azurite, jobs, pages, tls, upstream
from .app import create_app
from .blobs import DATASTORES, Blobs
from .context import Context
from .curated import catalogue as catalogues
from .curated.catalogue import Catalogue
from .faults.armory import Armory
from .operations import Operations
from .processes import end, record
from .proxy import Proxy
from .settings import Settings, load
from .store import Store, StoreInUse

log = logging.getLogger(__name__)


def open_context(settings: Settings) -> Context:
    """What the modules of resources are given, with the store of the state folder open."""
    store = Store(settings.state / "store.sqlite")
    faults = Armory(store)
    operations = Operations(store, settings.subscription_id, faults)
    catalogue = Catalogue(settings.state / catalogues.FILE)
    return Context(settings, store, Blobs(settings), operations, faults, catalogue=catalogue)


async def _serve(context: Context) -> None:
    settings = context.settings
    page = pages.Server(context)
    failure: Exception | None = None

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        nonlocal failure
        try:
            await asyncio.to_thread(_prepare, context)
            page.start()
        except Exception as error:
            failure = error
            raise
        proxy = await Proxy(settings.ports, context.faults, storage_account=settings.storage_account).serve()
        operations = asyncio.create_task(context.operations.run())
        try:
            yield
        finally:
            operations.cancel()
            proxy.close()
            await page.stop()
            await asyncio.to_thread(jobs.stop, context)

    config = uvicorn.Config(
        create_app(context, lifespan),
        host="127.0.0.1",
        port=settings.ports.api,
        ssl_certfile=settings.certificates / "server.pem",
        ssl_keyfile=settings.certificates / "server.key",
        log_level="warning",
        lifespan="on",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    context.connections.of(server)
    try:
        await server.serve()
    except SystemExit as exit_:
        if failure is None:
            raise
        # The log's last line, which `up` shows, is the cause and not uvicorn's "startup failed".
        raise SystemExit(str(failure)) from exit_
    finally:
        context.store.close()


def _prepare(context: Context) -> None:
    # MLflow first: it takes the longest, and nobody waits for it before the first job.
    jobs.start(context)
    azurite.start(context.settings)
    for container in DATASTORES.values():
        context.blobs.container(container)


def _exit(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main() -> None:
    """Serve the emulator of the state folder given as the argument, until SIGTERM."""
    state = Path(sys.argv[1])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    logging.getLogger("azure").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = load(state)
    upstream.keep_to_others(settings.ports.proxy)
    try:
        context = open_context(settings)
    except StoreInUse as error:
        # Before anything is written down or ended: all that is there belongs to the server that runs.
        raise SystemExit(str(error)) from error
    tls.certify(settings.certificates)
    record(state / "pid", "emulator", os.getpid())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # Uvicorn raises the signal that stopped it once more: by default that would end this process before its children.
    signal.signal(signal.SIGTERM, _exit)
    try:
        asyncio.run(_serve(context))
    finally:
        for file in sorted((state / "pid").iterdir()):
            if file.name != "emulator":
                end(file)


if __name__ == "__main__":
    main()

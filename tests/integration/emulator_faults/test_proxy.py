"""The CONNECT proxy by itself: the machine's own proxy behind it, and faults of tunnels."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest

from azureml_emulator import upstream
from azureml_emulator.faults.armory import Armory
from azureml_emulator.faults.connections import reset
from azureml_emulator.faults.rules import Rule
from azureml_emulator.proxy import Proxy
from azureml_emulator.settings import Ports
from azureml_emulator.store import Store
from tests.integration.emulator_faults.tunnel_ends import HOST, echo, machine_proxy, through, tunnel

VARIABLES = [
    spelling for name in ("HTTP", "HTTPS", "ALL", "NO") for spelling in (f"{name}_PROXY", f"{name}_proxy".lower())
]


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # So that it is put back, even if it was not there.
        monkeypatch.delenv(name)


@pytest.fixture
def armory(tmp_path: Path) -> Armory:
    return Armory(Store(tmp_path / "store"))


@contextlib.asynccontextmanager
async def proxy(armory: Armory, *, api: int = 1, blob: int = 1) -> AsyncIterator[int]:
    ports = Ports(proxy=0, api=api, blob=blob, mlflow=1)
    server = await Proxy(ports, armory, storage_account="a").serve()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 30))


@pytest.mark.conformance("network: the machine's own proxy and NO_PROXY are honoured")
def test_other_hosts_go_through_the_machines_proxy(armory: Armory, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with echo() as port, machine_proxy(port) as machine, proxy(armory) as own:
            monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss@127.0.0.1:{machine.port}")
            answer, *ends = await tunnel(own, HOST, 443)
            assert answer.startswith(b"HTTP/1.1 200")
            assert await through(*ends, b"hello" * 1000) == b"hello" * 1000
            (asked,) = machine.asked
            assert asked.startswith(f"CONNECT {HOST}:443 HTTP/1.1\r\n")
            assert "Proxy-Authorization: Basic bWU6cEBzcw==\r\n" in asked

    run(work())


@pytest.mark.conformance("network: the machine's own proxy and NO_PROXY are honoured")
def test_azures_hosts_and_those_of_no_proxy_do_not(armory: Armory, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with echo() as port, machine_proxy(port) as machine, proxy(armory, api=port, blob=port) as own:
            monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{machine.port}")
            monkeypatch.setenv("no_proxy", "localhost,.internal")
            for host, to in (
                ("management.azure.com", 443),
                ("x.api.azureml.ms", 443),
                ("a.blob.core.windows.net", 443),
                ("localhost", port),
            ):
                _, *ends = await tunnel(own, host, to)
                assert await through(*ends, b"direct") == b"direct"
            assert machine.asked == []

    run(work())


def test_storage_accounts_of_others_are_outside(armory: Armory, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with echo() as port, machine_proxy(port) as machine, proxy(armory, blob=1) as own:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{machine.port}")
            _, *ends = await tunnel(own, "opendata.blob.core.windows.net", 443)
            assert await through(*ends, b"a data set") == b"a data set"
            assert machine.asked[0].startswith("CONNECT opendata.blob.core.windows.net:443 ")

    run(work())


def test_what_the_machines_proxy_answers_is_passed_on(armory: Armory, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with machine_proxy(1, refuses=True) as machine, proxy(armory) as own:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{machine.port}")
            assert (await tunnel(own, HOST, 443))[0].startswith(b"HTTP/1.1 403 Forbidden\r\n")
            monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
            assert (await tunnel(own, HOST, 443))[0].startswith(b"HTTP/1.1 502 ")

    run(work())


def test_the_server_keeps_the_machines_proxy_and_forgets_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:4001/")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:4001")
    monkeypatch.setenv("ALL_PROXY", "http://proxy.internal:3128")
    monkeypatch.setenv("NO_PROXY", ".internal")
    upstream.keep_to_others(4001)
    assert "HTTPS_PROXY" not in os.environ
    assert "https_proxy" not in os.environ
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == ".internal,127.0.0.1,localhost"
    assert upstream.proxy_for("example.org") == "http://proxy.internal:3128"
    assert upstream.proxy_for("127.0.0.1") is None


def test_a_tunnel_is_refused(armory: Armory) -> None:
    armory.arm([Rule("r", "refuse", tunnel="*.blob.core.windows.net", count=1)])

    async def work() -> None:
        async with echo() as port, proxy(armory, blob=port) as own:
            assert (await tunnel(own, "a.blob.core.windows.net", 443))[0].startswith(b"HTTP/1.1 502 ")
            assert (await tunnel(own, "a.blob.core.windows.net", 443))[0].startswith(b"HTTP/1.1 200 ")

    run(work())


def test_a_tunnel_is_opened_late(armory: Armory) -> None:
    armory.arm([Rule("r", "slow", tunnel="*.blob.core.windows.net", seconds=0.5)])

    async def work() -> None:
        async with echo() as port, proxy(armory, blob=port) as own:
            began = time.monotonic()
            _, *ends = await tunnel(own, "a.blob.core.windows.net", 443)
            assert time.monotonic() - began >= 0.5
            assert await through(*ends, b"late") == b"late"

    run(work())


def test_a_tunnel_is_reset_after_some_bytes(armory: Armory) -> None:
    armory.arm([Rule("r", "reset", tunnel="*.blob.core.windows.net", after_bytes=1000)])

    async def work() -> None:
        async with echo() as port, proxy(armory, blob=port) as own:
            _, reader, writer = await tunnel(own, "a.blob.core.windows.net", 443)
            assert await through(reader, writer, b"x" * 999) == b"x" * 999
            writer.write(b"yz")
            with pytest.raises(ConnectionResetError):
                await reader.readexactly(2)

    run(work())


def test_a_reset_is_passed_on_as_a_reset(armory: Armory) -> None:
    async def work() -> None:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            reset(writer.transport)

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with proxy(armory, api=server.sockets[0].getsockname()[1]) as own:
            _, reader, writer = await tunnel(own, "management.azure.com", 443)
            writer.write(b"hello")
            with pytest.raises(ConnectionResetError):
                await reader.read()
        server.close()

    run(work())

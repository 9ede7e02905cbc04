"""What happens when there is more to do than can be done, and at the end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections import Counter

import httpx
import pytest

from .conftest import Serve, Service
from .connection import connections
from .pictures import encode, plain, textured

PNG = encode(plain("cats"), "PNG")
SLOW = encode(textured((2000, 2000)), "PNG", compress_level=1)


def figure(metrics: str, name: str) -> str:
    return next(line.split()[1] for line in metrics.splitlines() if line.startswith(f"{name} "))


def wait_until_in_flight(service: httpx.Client, number: int) -> None:
    """At least so many requests."""
    deadline = time.monotonic() + 20
    while float(figure(service.get("/metrics").text, "predictions_in_flight")) < number:
        assert time.monotonic() < deadline, f"never {number} in flight"


def post_at_once(service: Service, contents: list[bytes]) -> Counter[int]:
    """The statuses of the answers to these photos, each of which comes on a connection of its own."""

    async def post() -> Counter[int]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=service.base_url, limits=limits, timeout=50, trust_env=False) as client:
            answers = await asyncio.gather(*(client.post("/predict", content=content) for content in contents))
        return Counter(answer.status_code for answer in answers)

    return asyncio.run(post())


def test_as_many_clients_as_usual_are_all_served(service: Service) -> None:
    assert post_at_once(service, [PNG] * 128) == {200: 128}


def test_past_the_bound_a_request_is_refused_before_its_body_and_the_connection_stays(serve: Serve) -> None:
    with serve(MAX_REQUESTS="2") as service, connections(service, 3) as (one, other, third):
        for connection in (one, other):
            connection.start(len(PNG))
            connection.send(PNG[:10])
        wait_until_in_flight(service, 2)
        third.start(1_000_000)
        refused = third.answer()
        assert refused.status == 503
        assert "retry-after: 1" in refused.head
        assert "connection: close" not in refused.head
        assert '"code": "overloaded"' in refused.body.decode()
        third.send(bytes(1_000_000))  # of which nothing is kept
        third.start(len(PNG))
        third.send(PNG)
        assert third.answer().status == 503
        for connection in (one, other):
            connection.send(PNG[10:])
            assert connection.answer().status == 200
        third.start(len(PNG))
        third.send(PNG)
        assert third.answer().status == 200


def test_who_waits_for_a_word_is_refused_and_cut_off(serve: Serve) -> None:
    """The body that does not come can't be waited for."""
    with serve(MAX_REQUESTS="1") as service, connections(service, 2) as (first, second):
        first.start(len(PNG))
        wait_until_in_flight(service, 1)
        second.start(len(PNG), "Expect: 100-continue")
        refused = second.answer()
        assert refused.status == 503
        assert "connection: close" in refused.head
        assert second.ended()


@pytest.mark.parametrize("told", [True, False], ids=["told", "in chunks"])
def test_bytes_are_bounded_too(serve: Serve, told: bool) -> None:
    with serve(MAX_HELD_BYTES="1000000") as service, connections(service) as (first,):
        first.start(900_000)
        first.send(bytes(10))
        wait_until_in_flight(service, 1)
        assert service.post("/predict", content=PNG).status_code == 200

        # At once: whether the last of them is the first too many, or one before it.
        for sizes in ([200_000], [50_000] * 4):
            refused = service.post("/predict", content=bytes(200_000) if told else map(bytes, sizes))
            assert refused.status_code == 503
            assert refused.json()["error"]["code"] == "overloaded"
        first.send(bytes(899_990))
        assert first.answer().status == 415
        assert service.post("/predict", content=bytes(200_000)).status_code == 415


def test_a_single_upload_is_never_too_much(serve: Serve) -> None:
    with serve(MAX_HELD_BYTES="1") as service:
        assert service.post("/predict", content=PNG).status_code == 200


def test_every_request_that_was_taken_is_answered_at_the_end(serve: Serve) -> None:
    """Those that are being classified, those that wait, and those whose body is still on its way."""
    with serve(MAX_REQUESTS="100") as service, connections(service, 26) as opened:
        uploading, idle, waiting = opened[:4], opened[4:6], opened[6:]
        for connection in uploading:
            connection.start(len(PNG))
            connection.send(PNG[:10])
        for connection in idle:
            connection.start(len(PNG))
            connection.send(PNG)
            assert connection.answer().status == 200
        for connection in waiting:
            connection.start(len(SLOW))
            connection.send(SLOW)
        wait_until_in_flight(service, len(uploading) + 10)
        os.kill(service.pid, signal.SIGTERM)
        wait_until_refused(service)
        # A request that was on its way when the service was told to end.
        idle[0].start(len(PNG))
        idle[0].send(PNG)
        answer = idle[0].answer()
        assert (answer.status, "connection: close" in answer.head) == (200, True)
        for connection in waiting:
            assert connection.answer().status == 200
            assert connection.ended()
        for connection in uploading:
            connection.send(PNG[10:])
            answer = connection.answer()
            assert (answer.status, "connection: close" in answer.head) == (200, True)
            assert connection.ended()
        assert idle[1].ended()


def wait_until_refused(service: Service) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection((service.base_url.host, service.base_url.port or 80), timeout=20).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:  # it was about to be taken when the service closed the door
            pass
        assert time.monotonic() < deadline, "it still takes connections"


def test_what_takes_too_long_is_cut_off_at_the_end(serve: Serve) -> None:
    with serve(SHUTDOWN_TIMEOUT="1") as service, connections(service) as (connection,):
        connection.start(1000)
        wait_until_in_flight(service, 1)
        os.kill(service.pid, signal.SIGTERM)
        answer = connection.answer()
        assert answer.status == 503
        assert b'"ended"' in answer.body

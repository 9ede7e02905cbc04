from __future__ import annotations

import asyncio

import pytest
from animal_classifier.admission import Admission
from animal_classifier.errors import ApiError
from animal_classifier.metrics import Metrics


def test_requests_and_bytes_are_counted_until_they_leave() -> None:
    admission = Admission(Metrics(), max_requests=2, max_bytes=100)
    with admission.admit(40) as first:
        first.grow(60)
        first.grow(50)  # not less than before
        with pytest.raises(ApiError, match="too many"):
            admission.admit(41)
        with admission.admit(40) as second:
            with pytest.raises(ApiError, match="too many"):
                second.grow(41)
            with pytest.raises(ApiError, match="too many"):
                admission.admit(0)
        admission.admit(40)
    admission.leave(40)
    for _ in range(2):
        admission.admit(50)


def test_a_single_request_may_be_of_any_size() -> None:
    admission = Admission(Metrics(), max_requests=2, max_bytes=100)
    with admission.admit(1000), pytest.raises(ApiError):
        admission.admit(1)


def test_what_comes_in_one_moment_has_room_together() -> None:
    async def check() -> None:
        admission = Admission(Metrics(), max_requests=3, max_bytes=100)
        with admission.admit(10):
            assert [admission.has_room(10) for _ in range(4)] == [True, True, False, False]
            await asyncio.sleep(0)  # the next turn of the loop
            assert [admission.has_room(50) for _ in range(2)] == [True, False]
            await asyncio.sleep(0)
            with admission.admit(10), admission.admit(10):
                assert not admission.has_room(0)

    asyncio.run(check())

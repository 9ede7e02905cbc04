"""The uploads that the soak sends: the same for the same seed, of every kind, and damaged where they say so."""

from __future__ import annotations

import io
import math
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from PIL import Image

from soak.serving import cases, damage, gif, jpeg, png, webp
from soak.serving.client import Answer
from soak.serving.pictures import SIZE, pictures
from soak.serving.service import Sample, Service
from soak.serving.uploads import FULL, MOST_GROWTH, Outcome

CONTAINERS = {"JPEG": jpeg, "PNG": png, "GIF": gif, "WEBP": webp}


def draw() -> Random:
    return Random(1)  # noqa: S311 - the same each time


def test_each_upload_follows_from_seed_and_place_alone() -> None:
    later = cases.case(3, 17)
    assert [cases.case(3, number) for number in range(40)][17] == later
    assert cases.case(4, 17) != later


def test_all_kinds_come() -> None:
    kinds = Counter(cases.case(1, number).kind for number in range(1500))
    for kind, module in CONTAINERS.items():
        for change in (*damage.ALL, *module.ALTERED, *module.MADE):
            assert kinds[f"{kind} {change.__name__}"], (kind, change.__name__)
    assert {"wrong_type", "polyglot", "form many_parts", "HTTP badly_chunked", "inference odd_values"} <= set(kinds)


@pytest.mark.parametrize("kind", CONTAINERS)
def test_the_pictures_are_good_ones(kind: str) -> None:
    for content in pictures()[kind]:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            assert image.size == SIZE


def test_what_is_taken_apart_can_be_put_together_again() -> None:
    assert [png.joined(png.chunks(content)) for content in pictures()["PNG"]] == list(pictures()["PNG"])
    assert [webp.joined(webp.chunks(content)) for content in pictures()["WEBP"]] == list(pictures()["WEBP"])
    assert [jpeg.joined(*jpeg.segments(content)) for content in pictures()["JPEG"]] == list(pictures()["JPEG"])


def test_many_scans_are_a_picture() -> None:
    content = jpeg.many_scans(draw())
    assert content.count(b"\xff\xda") > len(jpeg.segments(pictures()["JPEG"][1])[0])
    with Image.open(io.BytesIO(content)) as image:
        image.draft(None, SIZE)
        image.load()


def pixels(content: bytes) -> float:
    """How many a file tells of; any number of them if Pillow at once will not have it."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            return image.width * image.height
    except (OSError, ValueError, Image.DecompressionBombError):
        return math.inf


@pytest.mark.parametrize("kind", CONTAINERS)
def test_a_bomb_tells_of_more_pixels_than_the_service_takes(kind: str) -> None:
    told = []
    for seed in range(20):
        content = CONTAINERS[kind].bomb(Random(seed))  # noqa: S311 - as above
        assert len(content) < 20_000
        told.append(pixels(content))
    assert min(told) > (64_000_000 if kind == "JPEG" else 16_000_000)
    assert min(told) < math.inf


def test_the_services_own_errors_are_told_from_others() -> None:
    own, of_the_protocol = b'{"error": {"code": "empty", "message": "no image"}}', b'{"error": "no image"}'
    for path, good in (("/predict", own), ("/v2/models/x/infer", of_the_protocol)):
        for body in (
            own,
            of_the_protocol,
            b"",
            b"[]",
            b"{}",
            b"1",
            b'{"error": 1}',
            b'{"detail": "Not Found"}',
            b"\xff",
        ):
            assert Answer(422, "application/json", body, 0.1).is_error_of(path) == (body == good)


def sample(megabytes: int, processes: frozenset[int] = frozenset({1})) -> Sample:
    return Sample(0.0, processes, 5, megabytes * 10**6)


def test_memory_that_grows_and_workers_that_are_lost_are_mistakes() -> None:
    outcome = Outcome(answers=Counter({200: FULL}), samples=[sample(pss) for pss in (80, 100, 105, 103, 110)])
    assert outcome.mistakes() == []
    outcome.samples[-1] = sample(101 + MOST_GROWTH // 10**6)
    assert outcome.mistakes() == ["the service's memory grew by 17 MB"]
    outcome.samples[-1] = sample(100, frozenset({2}))
    assert outcome.mistakes() == ["2 of the service's processes were lost or replaced"]


def test_what_the_service_complains_of_is_found(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("INFO: fine\nTraceback (most recent call last):\n  File x\n    code\nValueError: odd\nINFO: on\n")
    assert Service("127.0.0.1", 1, 1, log).complaints() == ["ValueError: odd"]

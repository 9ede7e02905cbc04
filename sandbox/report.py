"""What a demo leaves behind for people and programs: `.demo/report.json`, and a photo with its answer."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from .processes import SandboxError
from .stages import Stage


@dataclass(frozen=True)
class Prediction:
    """The deployed service's answer for one photo; `probability` is in 0..1, `expected` the folder it came from."""

    file: str
    label: str
    probability: float
    expected: str


@dataclass(frozen=True)
class Model:
    """The model that the run registered; `accuracy` is the share of test photos with the right label."""

    name: str
    version: str
    accuracy: float


@dataclass(frozen=True)
class Delivery:
    """What a run trained and deployed."""

    job: str
    model: Model
    image: str
    digest: str
    url: str


def classify(url: str, photo: Path, expected: str) -> Prediction:
    """Send `photo` to the service at `url`, as a browser's form would; SandboxError if it does not answer 200."""
    # The service is on loopback: no proxy that may be set for the rest of the machine has a part in it.
    with photo.open("rb") as file, httpx.Client(trust_env=False, timeout=30) as client:
        answer = client.post(f"{url}/predict", files={"file": (photo.name, file)})
    if answer.status_code != httpx.codes.OK:
        raise SandboxError(f"{url}/predict answered {answer.status_code} for {photo}: {answer.text[:300]}")
    body = answer.json()
    return Prediction(file=str(photo), label=body["label"], probability=body["probability"], expected=expected)


def write(file: Path, stages: list[Stage], delivery: Delivery | None, prediction: Prediction | None) -> None:
    """Write the report; what a failed run did not get to is null."""
    report: dict[str, object] = {
        "stages": [asdict(stage) for stage in stages],
        "job": {"name": delivery.job} if delivery else None,
        "model": asdict(delivery.model) if delivery else None,
        "image": {"ref": delivery.image, "digest": delivery.digest} if delivery else None,
        "prediction": asdict(prediction) if prediction else None,
        "url": delivery.url if delivery else None,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report, indent=2) + "\n")

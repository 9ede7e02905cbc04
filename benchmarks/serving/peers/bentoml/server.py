"""BentoML: a service of as many workers as cores; with BATCH, its adaptive batching."""

from __future__ import annotations

import os

import bentoml
import numpy as np
from classifier import Classifier
from PIL.Image import Image

BATCH = int(os.environ.get("BATCH", "1"))


@bentoml.service(workers=int(os.environ["WORKERS"]), logging={"access": {"enabled": False}})
class Photos:
    """Classifies photos."""

    def __init__(self) -> None:
        self.classifier = Classifier()

    if BATCH > 1:

        @bentoml.api(
            route="/predict",
            batchable=True,
            max_batch_size=BATCH,
            max_latency_ms=int(os.environ.get("LATENCY_MS", "60000")),
        )
        def predict(self, file: list[Image]) -> list[dict[str, object]]:
            """Classify the photos of several forms at once."""
            photos = np.stack([self.classifier.prepare(one) for one in file])
            return [self.classifier.answer(one) for one in self.classifier.probabilities(photos)]

    else:

        @bentoml.api(route="/predict")
        def predict(self, file: Image) -> dict[str, object]:
            """Classify the photo of a form."""
            return self.classifier.answer(self.classifier.probabilities(self.classifier.prepare(file)[np.newaxis])[0])

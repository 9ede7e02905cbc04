"""LitServe: as many workers as cores, as its documentation advises for CPUs."""

# No `from __future__ import annotations`: LitServe compares the annotation of `request` with the type itself.
import os

import litserve
import numpy as np
from classifier import Classifier
from fastapi import Request

BATCH = int(os.environ.get("BATCH", "1"))


class Photos(litserve.LitAPI):
    """Decodes, predicts and answers, in a worker's process."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe's own signature
        """Load the model, once a worker."""
        self.classifier = Classifier()

    def decode_request(self, request: Request) -> np.ndarray:
        """The photo of a form, prepared."""
        return self.classifier.prepare(request["file"].file)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The probabilities of a photo, or of a batch of them."""
        return self.classifier.probabilities(x if BATCH > 1 else x[np.newaxis])

    def batch(self, inputs: list[np.ndarray]) -> np.ndarray:
        """One array of several photos."""
        return np.stack(inputs)

    def unbatch(self, output: np.ndarray) -> list[np.ndarray]:
        """The probabilities of each photo."""
        return list(output)

    def encode_response(self, output: np.ndarray) -> dict[str, object]:
        """What is answered."""
        return self.classifier.answer(output.reshape(-1))


if __name__ == "__main__":
    api = Photos(api_path="/predict", max_batch_size=BATCH, batch_timeout=float(os.environ.get("BATCH_SECONDS", "0")))
    server = litserve.LitServer(
        api,
        accelerator="cpu",
        workers_per_device=int(os.environ["WORKERS"]),
        fast_queue=os.environ.get("FAST_QUEUE") == "1",
    )
    server.run(
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        num_api_servers=int(os.environ.get("API_SERVERS", os.environ["WORKERS"])),
        generate_client_file=False,
        log_level="warning",
    )

"""MLServer: a runtime of its own kind, run by as many parallel workers as cores."""

# No `from __future__ import annotations`: FastAPI would look for the names in the module of MLServer's own wrapper.
import io
from typing import Annotated

import numpy as np
from classifier import Classifier
from fastapi import File
from mlserver import MLModel
from mlserver.codecs import Base64Codec, StringCodec
from mlserver.handlers import custom_handler
from mlserver.types import InferenceRequest, InferenceResponse


class Photos(MLModel):
    """Classifies photos: base64 in the Open Inference Protocol's JSON, or a form to a route of its own."""

    async def load(self) -> bool:
        """Load the model, once a worker."""
        self.classifier = Classifier()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Classify the photos of the first input."""
        photos = Base64Codec.decode_input(payload.inputs[0])
        prepared = np.stack([self.classifier.prepare(io.BytesIO(photo)) for photo in photos])
        best = self.classifier.probabilities(prepared).argmax(axis=1)
        return InferenceResponse(
            model_name=self.name,
            outputs=[StringCodec.encode_output("label", [self.classifier.labels[one] for one in best])],
        )

    @custom_handler(rest_path="/predict")
    async def classify(self, file: Annotated[bytes, File()]) -> dict[str, object]:
        """Classify the photo of a form."""
        prepared = self.classifier.prepare(io.BytesIO(file))
        return self.classifier.answer(self.classifier.probabilities(prepared[np.newaxis])[0])

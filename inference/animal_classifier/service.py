"""What the service does, apart from how it is reached."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus

from starlette.requests import Request

from .admission import Admission
from .errors import ApiError
from .metrics import Metrics
from .model import Classifier, Pixels, Prediction, Probabilities
from .pool import Pool
from .preprocessing import CorruptImageError, ImageError, TooManyPixelsError
from .settings import Settings
from .uploads import Uploads


class Service:
    """One model, the threads that run it, and the bounds of what is taken at once."""

    def __init__(self, settings: Settings, classifier: Classifier) -> None:
        self.settings = settings
        self.classifier = classifier
        self.metrics = Metrics()
        self.metrics.version.info(self.version())
        self.pool = Pool(
            classifier,
            self.metrics,
            threads=settings.threads,
            max_batch=settings.max_batch,
            max_pixels=settings.max_pixels,
        )
        self.admission = Admission(self.metrics, max_requests=settings.max_requests, max_bytes=settings.max_held_bytes)
        self.uploads = Uploads(self.admission, max_bytes=settings.max_bytes, seconds=settings.upload_timeout)

    async def predict(self, request: Request) -> Prediction:
        """Receive a photo and classify it. Raises an `ApiError`."""
        with await self.uploads.admit(request) as admitted:
            photo = await self.uploads.photo(request, admitted)
            return self.prediction(await self._classify(photo))

    async def classify(self, images: Sequence[bytes | Pixels]) -> list[Probabilities]:
        """The probabilities of the labels for each image file or prepared image. Raises an `ApiError`."""
        return await asyncio.gather(*map(self._classify, images))

    async def _classify(self, image: bytes | Pixels) -> Probabilities:
        try:
            return await self.pool.classify(image)
        except ImageError as error:
            raise _refused(error) from error

    def prediction(self, probabilities: Probabilities) -> Prediction:
        """What probabilities mean; it is counted."""
        prediction = self.classifier.prediction(probabilities)
        self.metrics.predictions.labels(prediction.label).inc()
        return prediction

    def ensure_ready(self) -> None:
        """Raise an `ApiError` if photos can't be classified."""
        if (seconds := self.pool.busy_for) > self.settings.stuck_after:
            raise ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE, "stuck", f"one prediction has taken {seconds:.0f} seconds so far"
            )

    def version(self) -> dict[str, str]:
        """Where code and model come from."""
        return {
            "commit": self.settings.git_commit,
            "job": self.settings.azureml_job,
            "model_name": self.settings.model_name,
            "model_version": self.settings.model_version,
        }


def _refused(error: ImageError) -> ApiError:
    if isinstance(error, TooManyPixelsError):
        return ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_many_pixels", str(error))
    if isinstance(error, CorruptImageError):
        return ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "corrupt_image", str(error))
    return ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_format", str(error))

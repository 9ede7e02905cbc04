"""Starts the service: python -m animal_classifier."""

from __future__ import annotations

import sys

import uvicorn
from pydantic import ValidationError

from .app import create_app
from .model import Classifier, ModelError
from .settings import Settings


def main() -> None:
    """Load the model and serve it; a service that could not answer does not start."""
    try:
        settings = Settings()
        classifier = Classifier(settings.model_path)
    except ValidationError as error:
        first = error.errors()[0]
        sys.exit(f"animal-classifier: {str(first['loc'][0]).upper()}={first['input']}: {first['msg']}")
    except ModelError as error:
        sys.exit(f"animal-classifier: {error}")
    uvicorn.run(
        create_app(settings, classifier),
        host=settings.host,
        port=settings.port,
        access_log=False,  # the probes would fill it; /metrics counts requests
        server_header=False,
        timeout_graceful_shutdown=20,
    )


if __name__ == "__main__":
    main()

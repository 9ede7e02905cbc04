"""Starts the service: python -m animal_classifier."""

from __future__ import annotations

import sys

from pydantic import ValidationError

from .allocator import give_back_large_blocks
from .app import create_app
from .model import Classifier, ModelError
from .server import Server
from .settings import Settings


def main() -> None:
    """Load the model and serve it; a service that could not answer does not start."""
    give_back_large_blocks()
    try:
        settings = Settings()
        classifier = Classifier(settings.model_path)
    except ValidationError as error:
        first = error.errors()[0]
        sys.exit(f"animal-classifier: {str(first['loc'][0]).upper()}={first['input']}: {first['msg']}")
    except ModelError as error:
        sys.exit(f"animal-classifier: {error}")
    server = Server(create_app(settings, classifier), settings)
    server.run()
    if not server.started:
        sys.exit(1)  # uvicorn has said why


if __name__ == "__main__":
    main()

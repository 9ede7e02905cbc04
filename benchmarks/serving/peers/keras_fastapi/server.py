"""The usual plain API: FastAPI, an `async def`, and Keras' `predict` a request."""

from __future__ import annotations

import json
import os
from pathlib import Path

import keras
import numpy as np
from fastapi import FastAPI, UploadFile
from PIL import Image

folder = Path(os.environ["MODEL_PATH"])
labels = json.loads((folder / "model.json").read_text())["labels"]
model = keras.models.load_model(folder / "model.keras")
app = FastAPI()


@app.get("/health")
async def health() -> str:
    """Tell that the server answers."""
    return "ok"


@app.post("/predict")
async def predict(file: UploadFile) -> dict[str, object]:
    """Classify the photo of a form."""
    image = Image.open(file.file).convert("RGB").resize((64, 64))
    probabilities = model.predict(np.asarray(image, dtype=np.float32)[np.newaxis], verbose=0)[0]
    return {
        "label": labels[int(probabilities.argmax())],
        "probabilities": dict(zip(labels, map(float, probabilities), strict=True)),
    }

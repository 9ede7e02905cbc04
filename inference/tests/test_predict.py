from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
import onnxruntime
import pytest
from animal_classifier.preprocessing import prepare
from PIL import Image

from .colour_model import LABELS, SIZE
from .pictures import COLOURS, encode, plain, textured


def ask(client: httpx.Client, content: bytes, *, form: bool = False) -> dict[str, object]:
    sent = {"files": {"file": ("photo", content)}} if form else {"content": content}
    response = client.post("/predict", **sent)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("form", [True, False], ids=["form", "raw"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("label", LABELS)
def test_answers_label_and_probabilities(service: httpx.Client, label: str, kind: str, form: bool) -> None:
    answer = ask(service, encode(plain(label), kind), form=form)
    assert answer["label"] == label
    assert list(answer["probabilities"]) == LABELS
    assert answer["probability"] == max(answer["probabilities"].values()) > 0.99
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_answers_what_the_model_says_of_the_prepared_photo(service: httpx.Client, model: Path, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(encode(textured((300, 200)), "JPEG"))
    with photo.open("rb") as file:
        pixels = np.asarray(prepare(file, width=SIZE, height=SIZE), dtype=np.float32)
    expected = onnxruntime.InferenceSession(model / "model.onnx").run(None, {"images": pixels[np.newaxis]})[0][0]
    answer = ask(service, photo.read_bytes())
    assert list(answer["probabilities"].values()) == [float(value) for value in expected]


@pytest.mark.parametrize(
    ("content", "label"),
    [
        pytest.param(encode(plain("cats").convert("CMYK"), "JPEG"), "cats", id="CMYK"),
        pytest.param(encode(plain("dogs").convert("P"), "PNG"), "dogs", id="palette"),
        pytest.param(encode(plain("pandas").convert("RGBA"), "WEBP", lossless=True), "pandas", id="alpha"),
        pytest.param(
            encode(plain("dogs"), "GIF", save_all=True, append_images=[plain("cats"), plain("pandas")]),
            "dogs",
            id="animated GIF",
        ),
        pytest.param(
            encode(plain("cats"), "WEBP", save_all=True, append_images=[plain("dogs")]), "cats", id="animated WebP"
        ),
        pytest.param(encode(plain("pandas"), "JPEG", progressive=True), "pandas", id="progressive"),
        pytest.param(encode(plain("pandas", (1, 900)), "PNG"), "pandas", id="one pixel wide"),
    ],
)
def test_takes_unusual_images(service: httpx.Client, content: bytes, label: str) -> None:
    assert ask(service, content)["label"] == label


@pytest.mark.parametrize(
    "image",
    [
        Image.new("L", (40, 40), 128),
        Image.new("1", (40, 40), 1),
        Image.new("LA", (40, 40), (128, 255)),
        Image.new("I;16", (40, 40), 40_000),
        Image.new("RGBA", (40, 40), (*COLOURS["cats"], 0)),
    ],
    ids=["grey", "black and white", "grey with alpha", "16 bits", "all transparent"],
)
def test_colourless_images_favour_no_label(service: httpx.Client, image: Image.Image) -> None:
    answer = ask(service, encode(image, "PNG"))
    assert list(answer["probabilities"].values()) == pytest.approx([1 / 3] * 3)

"""What `make soak TOPIC=serving` has found."""

from __future__ import annotations

import pytest

from .conftest import Service
from .pictures import encode, textured


@pytest.mark.parametrize("length", ["9" * 5000, "9" * 20, "-1", "+1", "1e3", ""], ids=lambda text: text[:4])
def test_a_header_that_tells_no_length(service: Service, length: str) -> None:
    headers = {"Inference-Header-Content-Length": length}
    response = service.post("/v2/models/animal-classification/infer", content=b"{}", headers=headers)
    assert response.status_code == 400
    assert "Inference-Header-Content-Length must be a number, not" in response.json()["error"]
    assert len(response.content) < 200


def test_a_jpeg_of_several_scans_whose_components_have_no_samples(service: Service) -> None:
    content = bytearray(encode(textured(), "JPEG", progressive=True))
    frame = content.index(b"\xff\xc2")
    for component in range(content[frame + 9]):
        content[frame + 11 + 3 * component] = 0
    response = service.post("/predict", content=bytes(content))
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "corrupt_image"

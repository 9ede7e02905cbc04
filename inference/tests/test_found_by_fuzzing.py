"""What `make soak TOPIC=serving` has found."""

from __future__ import annotations

import pytest

from .conftest import Service


@pytest.mark.parametrize("length", ["9" * 5000, "9" * 20, "-1", "+1", "1e3", ""], ids=lambda text: text[:4])
def test_a_header_that_tells_no_length(service: Service, length: str) -> None:
    headers = {"Inference-Header-Content-Length": length}
    response = service.post("/v2/models/animal-classification/infer", content=b"{}", headers=headers)
    assert response.status_code == 400
    assert "Inference-Header-Content-Length must be a number, not" in response.json()["error"]
    assert len(response.content) < 200

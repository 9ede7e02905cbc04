"""The Open Inference Protocol, spoken by Triton's own client and by hand."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from .colour_model import LABELS, SIZE
from .conftest import Service
from .pictures import COLOURS, bomb, encode, plain

MODEL, VERSION = "animal-classification", "7"
INFER = f"/v2/models/{MODEL}/infer"


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[triton.InferenceServerClient]:
    client = triton.InferenceServerClient(f"{service.base_url.host}:{service.base_url.port}")
    yield client
    client.close()


def photos(*contents: bytes, binary: bool = True, shape: tuple[int, ...] | None = None) -> triton.InferInput:
    tensor = triton.InferInput("photos", list(shape or (len(contents),)), "BYTES")
    array = np.array([content if binary else base64.b64encode(content) for content in contents], dtype=object)
    return tensor.set_data_from_numpy(array.reshape(shape or (-1,)), binary_data=binary)


def images(*labels: str, datatype: str, binary: bool = True) -> triton.InferInput:
    element = {"FP32": np.float32, "UINT8": np.uint8}[datatype]
    array = np.stack([np.full((SIZE, SIZE, 3), COLOURS[label], dtype=element) for label in labels])
    return triton.InferInput("images", list(array.shape), datatype).set_data_from_numpy(array, binary_data=binary)


def test_what_the_server_and_the_model_are(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(MODEL)
    assert client.is_model_ready(MODEL, VERSION)
    assert not client.is_model_ready("another")
    assert client.get_server_metadata() == {
        "name": "animal-classifier",
        "version": "0123abc",
        "extensions": ["binary_tensor_data"],
    }
    described = client.get_model_metadata(MODEL)
    assert described == client.get_model_metadata(MODEL, VERSION)
    assert (described["name"], described["versions"]) == (MODEL, [VERSION])
    assert described["inputs"][1] == {"name": "images", "datatype": "FP32", "shape": [-1, SIZE, SIZE, 3]}
    assert described["outputs"][0] == {"name": "probabilities", "datatype": "FP32", "shape": [-1, len(LABELS)]}


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "JSON"])
@pytest.mark.parametrize("outputs", [None, True, False], ids=["all outputs", "binary outputs", "JSON outputs"])
def test_photos_of_several_kinds(client: triton.InferenceServerClient, binary: bool, outputs: bool | None) -> None:
    labels = ["pandas", "cats", "dogs"]
    contents = [encode(plain(label), kind) for label, kind in zip(labels, ("JPEG", "PNG", "WEBP"), strict=True)]
    wanted = None
    if outputs is not None:
        wanted = [triton.InferRequestedOutput(name, binary_data=outputs) for name in ("probabilities", "label")]
    answer = client.infer(MODEL, [photos(*contents, binary=binary)], outputs=wanted, request_id="one")
    assert answer.get_response()["id"] == "one"
    assert (answer.get_response()["model_name"], answer.get_response()["model_version"]) == (MODEL, VERSION)
    named = [name.decode() if isinstance(name, bytes) else name for name in answer.as_numpy("label")]
    assert named == labels
    probabilities = answer.as_numpy("probabilities")
    assert probabilities.dtype == np.float32
    assert [LABELS[best] for best in probabilities.argmax(axis=1)] == labels


def test_a_photo_is_answered_as_on_the_plain_path(client: triton.InferenceServerClient, service: Service) -> None:
    photo = encode(plain("dogs", (300, 200)), "JPEG")
    plainly = service.post("/predict", content=photo).json()
    answer = client.infer(MODEL, [photos(photo, shape=(1, 1))], model_version=VERSION)
    assert answer.as_numpy("probabilities")[0].tolist() == list(plainly["probabilities"].values())


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "JSON"])
@pytest.mark.parametrize("datatype", ["FP32", "UINT8"])
def test_prepared_images(client: triton.InferenceServerClient, datatype: str, binary: bool) -> None:
    tensor = images("dogs", "cats", datatype=datatype, binary=binary)
    answer = client.infer(MODEL, [tensor], outputs=[triton.InferRequestedOutput("label")])
    assert answer.as_numpy("label").tolist() == [b"dogs", b"cats"]
    assert answer.as_numpy("probabilities") is None, "only what is asked for"


def test_more_images_than_fit_one_batch(client: triton.InferenceServerClient) -> None:
    labels = [LABELS[number % len(LABELS)] for number in range(64)]
    answer = client.infer(MODEL, [images(*labels, datatype="UINT8")])
    assert [label.decode() for label in answer.as_numpy("label")] == labels


def test_errors_reach_the_client_as_texts(client: triton.InferenceServerClient) -> None:
    for model, version, tensors, status, message in (
        ("another", "", [photos(b"")], "404", "there is no model 'another', but 'animal-classification'"),
        (MODEL, "8", [photos(b"")], "404", "has no version '8', but '7'"),
        (MODEL, "", [photos(b"text")], "400", "not a JPEG, PNG, WEBP or GIF image"),
        (MODEL, "", [photos(encode(plain("cats"), "PNG")[:40])], "400", "can't be decoded"),
        (MODEL, "", [photos(bomb())], "413", "too many pixels|30000 x 30000 pixels"),
        (MODEL, "", [photos(b"", b"", shape=(1, 2))], "400", r"must have the shape \[N\] or \[N, 1\], not \[1, 2\]"),
        (MODEL, "", [photos(b""), photos(b"")], "400", "one input, 'photos' or 'images', not 2"),
        (MODEL, "", [images(*LABELS * 22, datatype="UINT8")], "400", "1 to 64 images, not 66"),
    ):
        with pytest.raises(InferenceServerException, match=message) as error:
            client.infer(model, tensors, model_version=version)
        assert error.value.status() == status
    with pytest.raises(InferenceServerException, match="no output 'scores', but 'probabilities' and 'label'"):
        client.infer(MODEL, [photos(b"")], outputs=[triton.InferRequestedOutput("scores")])
    with pytest.raises(InferenceServerException, match="classifications are not supported"):
        client.infer(MODEL, [photos(b"")], outputs=[triton.InferRequestedOutput("label", class_count=1)])


def tensor(**changes: object) -> dict[str, Any]:
    values = [0] * SIZE * SIZE * 3
    given = {"name": "images", "datatype": "UINT8", "shape": [1, SIZE, SIZE, 3], "data": values} | changes
    return {key: value for key, value in given.items() if value is not None}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"", "1 to 4,194,304 bytes"),
        (b"nonsense", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "the request must be a JSON object"),
        (b"{}", "inputs must be a list"),
        ({"inputs": ["x"]}, "each of the inputs must be a JSON object"),
        ({"inputs": [tensor()], "id": 3}, "id must be a text"),
        ({"inputs": [tensor()], "outputs": [{}]}, "the name of an output must be a text"),
        ({"inputs": [tensor(name="pixels")]}, "no input 'pixels', but 'photos' and 'images'"),
        ({"inputs": [tensor(datatype="INT64")]}, "must be of FP32 or UINT8, not 'INT64'"),
        ({"inputs": [tensor(shape=[1, SIZE, SIZE])]}, r"shape [N, 16, 16, 3], not [1, 16, 16]"),
        ({"inputs": [tensor(shape=[2, SIZE, SIZE, 3])]}, "has 768 elements; shape [2, 16, 16, 3] needs 1536"),
        ({"inputs": [tensor(shape=[0, SIZE, SIZE, 3], data=[])]}, "1 to 64 images, not 0"),
        ({"inputs": [tensor(shape=[True, SIZE, SIZE, 3])]}, "a list of whole numbers"),
        ({"inputs": [tensor(data=[[1], [1, 2]])]}, "no array of numbers"),
        ({"inputs": [tensor(data=["a"])]}, "no array of numbers of UINT8"),
        ({"inputs": [tensor(data=[256] * 768)]}, "values that UINT8 can't hold"),
        ({"inputs": [tensor(data=[0.5] * 768)]}, "no array of numbers of UINT8"),
        ({"inputs": [tensor(data=[1e39] * 768, datatype="FP32")]}, "values that FP32 can't hold"),
        ({"inputs": [tensor(data=[float("nan")] * 768, datatype="FP32")]}, "no finite numbers"),
        ({"inputs": [tensor(data=None)]}, "either data or the parameter binary_data_size"),
        ({"inputs": [tensor(data=None, parameters={"binary_data_size": 9})]}, "binary_data_size 9; 0 bytes are left"),
        ({"inputs": [tensor(name="photos", datatype="BYTES", shape=[1], data=["?"])]}, "not base64"),
        ({"inputs": [tensor(name="photos", datatype="BYTES", shape=[1], data=[1])]}, "a list of texts in base64"),
    ],
)
def test_malformed_requests(service: Service, message: object, expected: str) -> None:
    content = message if isinstance(message, bytes) else json.dumps(message).encode()
    response = service.post(INFER, content=content)
    assert response.status_code == 400
    assert list(response.json()) == ["error"]
    assert expected in response.json()["error"]


@pytest.mark.parametrize(
    ("binary", "length", "expected"),
    [
        (b"", "x", "must be a number, not 'x'"),
        (b"", "100000", "no more than the body"),
        (b"\x01\x00", None, "ends within an element"),
        (struct.pack("<I", 9) + b"abc", None, "ends within an element"),
        (struct.pack("<I", 1) + b"abc", None, "ends within an element"),
        (struct.pack("<I", 1) + b"a" + struct.pack("<I", 0), None, "has 2 elements; shape [1] needs 1"),
    ],
)
def test_malformed_binary_tensors(service: Service, binary: bytes, length: str | None, expected: str) -> None:
    parameters = {"binary_data_size": len(binary)}
    given = tensor(name="photos", datatype="BYTES", shape=[1], data=None, parameters=parameters)
    head = json.dumps({"inputs": [given]}).encode()
    headers = {"Inference-Header-Content-Length": length or str(len(head))}
    response = service.post(INFER, content=head + binary, headers=headers)
    assert response.status_code == 400, response.text
    assert expected in response.json()["error"]


def test_the_limits_are_those_of_all_uploads(service: Service) -> None:
    response = service.post(INFER, content=bytes(11 * 2**20))
    assert (response.status_code, list(response.json())) == (413, ["error"])
    response = service.post(INFER, content=b"{}", headers={"content-encoding": "gzip"})
    assert "'gzip' is not supported" in response.json()["error"]
    assert isinstance(service.get("/v2/nothing").json()["error"], str)

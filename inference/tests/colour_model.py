"""A small model to test the service with: python -m tests.colour_model FOLDER."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LABELS = ["cats", "dogs", "pandas"]
SIZE = 16


def write(folder: Path) -> None:
    """Write a model that answers by colour: the redder a photo the more cats, the greener dogs, the bluer pandas."""
    nodes = [
        helper.make_node("ReduceMean", ["images", "axes"], ["colour"], keepdims=0),
        helper.make_node("Mul", ["colour", "scale"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", SIZE, SIZE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])],
        [
            numpy_helper.from_array(np.array([1, 2], dtype=np.int64), "axes"),
            numpy_helper.from_array(np.array(0.05, dtype=np.float32), "scale"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "model.onnx")
    description = {"labels": LABELS, "input": {"width": SIZE, "height": SIZE}}
    (folder / "model.json").write_text(json.dumps(description), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))

"""Both runtimes by turns, on one thread each: `python race.py FOLDER BATCH` prints JSON, milliseconds a photo.

FOLDER holds model.onnx and model.tflite, the same network. Ends with an error if they do not answer alike.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter

ROUNDS = 15
PHOTOS = 32
"""In each round."""
TOLERANCE = 1e-4

Run = Callable[[np.ndarray], np.ndarray]


def onnx_runtime(folder: Path) -> Run:
    """The network in ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda photos: session.run(None, {name: photos})[0]


def litert(folder: Path, shape: tuple[int, ...]) -> Run:
    """The network in LiteRT, for photos of that shape."""
    interpreter = Interpreter(str(folder / "model.tflite"), num_threads=1)
    given = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(given, shape)
    interpreter.allocate_tensors()
    answered = interpreter.get_output_details()[0]["index"]

    def run(photos: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(given, photos)
        interpreter.invoke()
        return interpreter.get_tensor(answered)

    return run


def milliseconds(run: Run, photos: np.ndarray) -> float:
    """Of CPU time a photo."""
    started = time.process_time()
    for _ in range(PHOTOS // len(photos)):
        run(photos)
    return (time.process_time() - started) * 1000 / (PHOTOS // len(photos) * len(photos))


folder, batch = Path(sys.argv[1]), int(sys.argv[2])
photos = np.random.default_rng(6).uniform(0, 255, (batch, 64, 64, 3)).astype(np.float32)
runs = {"onnxruntime": onnx_runtime(folder), "litert": litert(folder, photos.shape)}
one, other = (run(photos) for run in runs.values())
if not np.abs(one - other).max() <= TOLERANCE:
    sys.exit("the two do not answer alike")
taken: dict[str, list[float]] = {name: [] for name in runs}
for _ in range(ROUNDS):
    for name, run in runs.items():
        taken[name].append(milliseconds(run, photos))
print(json.dumps({name: statistics.median(times) for name, times in taken.items()}))  # noqa: T201 - its answer

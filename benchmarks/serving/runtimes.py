"""ONNX Runtime against LiteRT: the same network in both, by turns, on one thread; which the service should use."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ..report import BenchmarkError
from . import environments

BATCHES = (1, 8)
NAMES = {"onnxruntime": "ONNX Runtime (chosen)", "litert": "LiteRT"}
_CHOSEN = """One session of ONNX Runtime serves all threads and batches of any size. An interpreter of LiteRT serves one
thread and one size, and keeps weights of its own: two threads with batches of 1 and 8 have them four times. So the
service has ONNX Runtime with batches of what waits, not LiteRT with one photo at a time."""
_HERE = Path(__file__).parent / "peers" / "litert"


def compare(model: Path) -> dict[str, float]:
    """Milliseconds of CPU time a photo, by runtime and batch, as `<runtime>_ms_at_batch_<n>`.

    `model` is a folder with model.keras and model.onnx. Raises BenchmarkError if one can't be run, or if the two answer
    differently.
    """
    python = str(environments.python_of(environments.peer("litert")))
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "model.onnx").symlink_to(model / "model.onnx")
        converter = str(environments.python_of(environments.training()))
        _run([converter, str(_HERE / "convert.py"), str(model / "model.keras"), str(folder / "model.tflite")])
        for batch in BATCHES:
            answer = json.loads(_run([python, str(_HERE / "race.py"), str(folder), str(batch)]).splitlines()[-1])
            figures |= {f"{name}_ms_at_batch_{batch}": round(value, 3) for name, value in answer.items()}
    return figures


def text(figures: Mapping[str, float | int | str]) -> str:
    """In Markdown: the two side by side, and what was chosen."""
    head = f"| | {' | '.join(f'ms a photo in batches of {batch}' for batch in BATCHES)} |"
    rows = []
    for key, name in NAMES.items():
        values = " | ".join(f"{figures[f'{key}_ms_at_batch_{batch}']:.2f}" for batch in BATCHES)
        rows.append(f"| {name} | {values} |")
    return "\n".join([head, f"|---|{'---|' * len(BATCHES)}", *rows, "", _CHOSEN])


def _run(command: list[str]) -> str:
    surroundings = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    ended = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        last = (ended.stderr or ended.stdout).strip().splitlines()[-1:]
        raise BenchmarkError(f"the runtimes can't be compared: {''.join(last)}")
    return ended.stdout

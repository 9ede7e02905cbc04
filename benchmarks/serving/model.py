"""The model that all servers have: the plain CNN that the training is held against, built once and kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from sandbox.paths import cache

from ..report import ROOT, BenchmarkError
from . import environments

_EXPORT = Path(__file__).with_name("model_export.py")
_BASELINE = ROOT / "benchmarks" / "training" / "baseline.py"
_TRAINING = ROOT / "components" / "training" / "code"


def folder() -> Path:
    """A folder with model.keras, model.onnx and model.json. Raises BenchmarkError if it can't be made."""
    sources = (_EXPORT, _BASELINE, _TRAINING / "onnx_export.py")
    key = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    kept = cache() / "serving-bench" / f"model-{key}"
    if not kept.exists():
        part = kept.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        ended = subprocess.run(
            [str(environments.python_of(environments.training())), str(_EXPORT), str(part)],
            env={**os.environ, "PYTHONPATH": f"{_BASELINE.parent}:{_TRAINING}", "TF_CPP_MIN_LOG_LEVEL": "2"},
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode != 0:
            raise BenchmarkError(f"the model can't be exported: {ended.stderr.strip().splitlines()[-1]}")
        part.rename(kept)
    return kept

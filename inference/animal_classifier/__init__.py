"""Answers over HTTP which animal is on a photo."""

import os

# Said before ONNX Runtime is imported, which else reports to its maker how it is used.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

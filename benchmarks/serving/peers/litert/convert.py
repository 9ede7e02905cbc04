"""Writes the network for LiteRT: `python convert.py model.keras model.tflite`, in the training's environment."""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import tensorflow as tf

source, target = map(Path, sys.argv[1:])
converter = tf.lite.TFLiteConverter.from_keras_model(keras.models.load_model(source, compile=False))
target.write_bytes(converter.convert())

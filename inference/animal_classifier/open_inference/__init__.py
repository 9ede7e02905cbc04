"""The Open Inference Protocol, version 2, which KServe's and Triton's clients speak: over HTTP, with binary tensors.

Its source is open_inference_rest.yaml of github.com/kserve/open-inference-protocol, and for the binary tensors Triton's
docs/protocol/extension_binary_data.md.
"""

"""NNCF's post-training quantization of an OpenVINO model, with its default fast bias correction or the full one.

https://docs.openvino.ai/2026/openvino-workflow/model-optimization-guide/quantizing-models-post-training/basic-quantization-flow.html
"""

# Its packages are in an environment of its own, where mypy does not look.
# mypy: disable-error-code="import-not-found"

import sys
from pathlib import Path

import nncf
import numpy as np
import openvino


def main(materials: Path, seed: str, result: Path, *, fast: bool) -> None:
    """`result` is the .xml of OpenVINO's representation; its weights stand beside it. A fourth argument, fast or full,
    says how biases are corrected."""
    pictures = np.load(materials / f"calibration-{seed}.npy", allow_pickle=False).transpose(0, 3, 1, 2)
    data = nncf.Dataset([np.ascontiguousarray(picture[np.newaxis]) for picture in pictures])
    model = openvino.Core().read_model(materials / "float.onnx")
    quantized = nncf.quantize(model, data, subset_size=len(pictures), fast_bias_correction=fast)
    openvino.save_model(quantized, result)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), fast=sys.argv[4] == "fast")

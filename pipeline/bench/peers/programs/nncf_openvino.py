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
    pictures = np.load(materials / f"calibration-{seed}.npy", allow_pickle=False)
    data = nncf.Dataset([picture[np.newaxis] for picture in pictures])
    # Not float.onnx: NNCF 3.4 does not see the biases of OpenVINO's ONNX front end, and leaves them uncorrected unsaid.
    model = openvino.convert_model(materials / "saved_model")
    model.reshape([1, *pictures.shape[1:]])
    quantized = nncf.quantize(model, data, subset_size=len(pictures), fast_bias_correction=fast)
    openvino.save_model(quantized, result)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), fast=sys.argv[4] == "fast")

"""ONNX Runtime's quantize_static: QDQ, per channel, MinMax, after the pre-processing that its documentation recommends.

https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class Pictures(CalibrationDataReader):  # type: ignore[misc]
    """One picture at a time, channels first."""

    def __init__(self, pictures: NDArray[np.float32]) -> None:
        self._rest = iter(pictures.transpose(0, 3, 1, 2))

    def get_next(self) -> dict[str, Any] | None:
        picture = next(self._rest, None)
        return None if picture is None else {"image": np.ascontiguousarray(picture[np.newaxis])}


def main(materials: Path, seed: str, result: Path) -> None:
    """On x86 the documentation advises uint8 activations and int8 weights (U8S8) for speed."""
    prepared = result.with_suffix(".prepared.onnx")
    quant_pre_process(materials / "float.onnx", prepared)
    quantize_static(
        prepared,
        result,
        Pictures(np.load(materials / f"calibration-{seed}.npy", allow_pickle=False)),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )
    prepared.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))

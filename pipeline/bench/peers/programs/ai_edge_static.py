"""ai-edge-quantizer's ready-made recipe `static_wi8_ai8`, calibrated.

https://github.com/google-ai-edge/ai-edge-quantizer
"""

# Its packages are in an environment of its own, where mypy does not look.
# mypy: disable-error-code="import-not-found"

import sys
from pathlib import Path

import numpy as np
from ai_edge_quantizer import quantizer, recipe
from ai_edge_quantizer.utils import tfl_interpreter_utils


def main(materials: Path, seed: str, result: Path) -> None:
    """The input and the output stay real numbers, as in its examples."""
    source = materials / "float.tflite"
    interpreter = tfl_interpreter_utils.create_tfl_interpreter(str(source))
    ((signature, tensors),) = interpreter.get_signature_list().items()
    (name,) = tensors["inputs"]
    pictures = np.load(materials / f"calibration-{seed}.npy", allow_pickle=False)
    work = quantizer.Quantizer(str(source), recipe.static_wi8_ai8())
    ranges = work.calibrate({signature: [{name: picture[np.newaxis]} for picture in pictures]}, num_threads=1)
    work.quantize(ranges).export_model(str(result), overwrite=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))

"""Keras 3's `model.quantize("int8")` on the same network, which Keras 3 reads from the file of Keras 2.

https://keras.io/guides/int8_quantization_in_keras/
"""

import sys
from pathlib import Path

import keras  # type: ignore[import-untyped]


def main(materials: Path, result: Path) -> None:
    """It needs no calibration. Layers that it has no integers for, such as Conv2D, stay float: it warns and goes on."""
    model = keras.models.load_model(materials / "float.h5", compile=False)
    model.quantize("int8")
    model.save(result)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[3]))

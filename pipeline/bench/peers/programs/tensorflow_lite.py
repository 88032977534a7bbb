"""TensorFlow's converter: full integer quantization after training, as its guide has it.

https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/post_training_integer_quant
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf


def main(materials: Path, seed: str, result: Path) -> None:
    """Integers from the first tensor to the last."""
    pictures = np.load(materials / f"calibration-{seed}.npy", allow_pickle=False)

    def representative() -> Iterator[list[Any]]:
        for picture in pictures:
            yield [picture[np.newaxis]]

    converter = tf.lite.TFLiteConverter.from_saved_model(str(materials / "saved_model"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.uint8
    result.write_bytes(converter.convert())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))

"""Keras network to a SavedModel that computes in bfloat16, as Cloud TPUs do.

Weights stay float32 and are rounded where they are used: Keras's "mixed_bfloat16", the policy that the guide names for
TPUs, https://www.tensorflow.org/guide/mixed_precision. bfloat16 has float32's range, so nothing is scaled.
"""

from pathlib import Path
from typing import Any

import numpy as np

from edge.device.errors import ConversionFailed

POLICY = "mixed_bfloat16"


def in_bfloat16(core: Any) -> Any:
    """A copy of the functional tf_keras model `core` that computes in bfloat16, but for its last layer's float32."""
    import tf_keras as keras

    last = set(core.output_names)

    def copy(layer: Any) -> Any:
        if isinstance(layer, keras.Model):
            return keras.models.clone_model(layer, clone_function=copy)
        return type(layer).from_config({**layer.get_config(), "dtype": "float32" if layer.name in last else POLICY})

    clone = keras.models.clone_model(core, clone_function=copy)
    clone.set_weights(core.get_weights())
    return clone


def write_saved_model(core: Any, folder: Path, *, input_scale: float, input_zero_point: int) -> None:
    """Write a SavedModel into `folder` with the signature serving_default: `image`, uint8 [batch, h, w, c], raw pixels,
    to `logits`, float32 [batch, labels].

    `core` is a functional tf_keras model of float32 that takes `input_scale * (byte - input_zero_point)`.
    Raises ConversionFailed where a layer cannot be copied or does not compute in bfloat16.
    """
    import tensorflow as tf

    try:
        network = in_bfloat16(core)
        module = tf.Module()
        module.network = network  # a SavedModel holds the variables that its module reaches
        specification = tf.TensorSpec((None, *core.input_shape[1:]), tf.uint8, name="image")

        @tf.function(input_signature=[specification])  # type: ignore[untyped-decorator]
        def serve(image: Any) -> dict[str, Any]:
            centred = tf.cast(image, tf.float32) - float(input_zero_point)
            return {"logits": tf.cast(network(centred * np.float32(input_scale), training=False), tf.float32)}

        tf.saved_model.save(module, str(folder), signatures={"serving_default": serve})
    except (ValueError, TypeError, tf.errors.OpError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ConversionFailed(f"{core.name}: not in bfloat16 ({reason}); use Keras's own layers") from error

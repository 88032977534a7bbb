"""A tfmot scheme: int8, per-channel convolution weights, activations symmetric about zero.

tfmot's own scheme gives activations any zero point, which TensorRT refuses, and follows their ranges with a moving
average (0.999, from -6..6) that has not converged after a few hundred steps. This one keeps tfmot's layer patterns and
weight quantizers and replaces what quantizes activations.

Sources: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"
(2018), https://arxiv.org/abs/1712.05877; tfmot's `default_8bit` scheme.
"""

from typing import Any

import tensorflow as tf
from tensorflow_model_optimization.python.core.quantization.keras import quantizers
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_configs,
    default_8bit_quantize_layout_transform,
    default_8bit_quantize_registry,
)
from tensorflow_model_optimization.python.core.quantization.keras.quantize_config import QuantizeConfig
from tensorflow_model_optimization.python.core.quantization.keras.quantize_layer import QuantizeLayer
from tensorflow_model_optimization.python.core.quantization.keras.quantize_scheme import QuantizeScheme

DECAY = 0.98  # the weight of what is older than 300 steps is 0.2 %
SMALLEST_RANGE = 1e-6  # an activation that is always zero still needs a scale


class SymmetricRange(quantizers.Quantizer):  # type: ignore[misc]
    """Fake quantization to int8 with zero point 0; the range is a moving average that starts at the first batch."""

    def __init__(self, decay: float = DECAY) -> None:
        self.decay = decay

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:  # noqa: ARG002 - tfmot's signature
        largest = layer.add_weight(name + "_largest", shape=(), initializer="zeros", trainable=False)
        return {"largest": largest}

    def __call__(self, inputs: Any, training: bool, weights: dict[str, Any], **_: Any) -> Any:
        largest = weights["largest"]
        if training:
            # 128 negative codes, 127 positive ones: the scale that holds both ends.
            seen = tf.maximum(tf.reduce_max(inputs), -tf.reduce_min(inputs) * (127 / 128))
            averaged = tf.where(largest > 0, self.decay * largest + (1 - self.decay) * seen, seen)
            largest = largest.assign(tf.maximum(averaged, SMALLEST_RANGE))
        largest = tf.maximum(largest, SMALLEST_RANGE)
        return tf.quantization.fake_quant_with_min_max_vars(inputs, -largest * (128 / 127), largest)

    def get_config(self) -> dict[str, Any]:
        return {"decay": self.decay}


class SymmetricConfig(QuantizeConfig):  # type: ignore[misc]
    """A layer's own config of tfmot with its activation and output quantizers made symmetric."""

    def __init__(self, inner: QuantizeConfig) -> None:
        self.inner = inner

    def get_weights_and_quantizers(self, layer: Any) -> Any:
        return self.inner.get_weights_and_quantizers(layer)

    def get_activations_and_quantizers(self, layer: Any) -> list[tuple[Any, SymmetricRange]]:
        return [(activation, SymmetricRange()) for activation, _ in self.inner.get_activations_and_quantizers(layer)]

    def set_quantize_weights(self, layer: Any, quantize_weights: Any) -> None:
        self.inner.set_quantize_weights(layer, quantize_weights)

    def set_quantize_activations(self, layer: Any, quantize_activations: Any) -> None:
        self.inner.set_quantize_activations(layer, quantize_activations)

    def get_output_quantizers(self, layer: Any) -> list[SymmetricRange]:
        return [SymmetricRange() for _ in self.inner.get_output_quantizers(layer)]

    def get_config(self) -> dict[str, Any]:
        return {"inner": self.inner}


class SymmetricRegistry(default_8bit_quantize_registry.Default8BitQuantizeRegistry):  # type: ignore[misc]
    """tfmot's registry; a layer that it does not know stays float, and `left_float` names it."""

    def __init__(self) -> None:
        super().__init__()
        self.left_float: list[str] = []

    def supports(self, layer: Any) -> bool:  # noqa: ARG002 - tfmot would stop at the first layer that it refuses
        return True

    def get_quantize_config(self, layer: Any) -> QuantizeConfig:
        if super().supports(layer):
            return SymmetricConfig(super().get_quantize_config(layer))
        self.left_float.append(f"{layer.name} ({type(layer).__name__})")
        return default_8bit_quantize_configs.NoOpQuantizeConfig()


class SymmetricLayout(default_8bit_quantize_layout_transform.Default8BitQuantizeLayoutTransform):  # type: ignore[misc]
    """tfmot's layer patterns (Conv-BN-ReLU and the like), then the input's exact range."""

    def __init__(self, lowest: float, highest: float) -> None:
        self.lowest = lowest
        self.highest = highest

    def apply(self, model: Any, layer_quantize_map: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        model, layer_quantize_map = super().apply(model, layer_quantize_map)
        for layer in model.layers:
            if isinstance(layer, QuantizeLayer):
                layer.quantizer = quantizers.FixedQuantizer(8, self.lowest, self.highest, narrow_range=False)
        for metadata in layer_quantize_map.values():
            if metadata.get("quantize_config") is not None:
                metadata["quantize_config"] = SymmetricConfig(metadata["quantize_config"])
        return model, layer_quantize_map


class SymmetricScheme(QuantizeScheme):  # type: ignore[misc]
    """The scheme for an input of the codes 0..255 at `scale * (code - zero_point)`."""

    def __init__(self, scale: float, zero_point: int) -> None:
        self.layout = SymmetricLayout(scale * (0 - zero_point), scale * (255 - zero_point))
        self.registry = SymmetricRegistry()

    def get_layout_transformer(self) -> SymmetricLayout:
        return self.layout

    def get_quantize_registry(self) -> SymmetricRegistry:
        return self.registry

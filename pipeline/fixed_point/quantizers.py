"""tfmot's parts for powers of two: quantizers without state, one config for a layer, and a scheme that adds nothing.

Rounding and saturation are those of `edge.fixed_point.formats.rounded`; their gradient is passed straight through
(Bengio et al. 2013, https://arxiv.org/abs/1308.3432), but for activations beyond their range, where it is 0.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow_model_optimization.python.core.quantization.keras import quantizers
from tensorflow_model_optimization.python.core.quantization.keras.quantize_config import QuantizeConfig
from tensorflow_model_optimization.python.core.quantization.keras.quantize_layout_transform import (
    QuantizeLayoutTransform,
)
from tensorflow_model_optimization.python.core.quantization.keras.quantize_registry import QuantizeRegistry
from tensorflow_model_optimization.python.core.quantization.keras.quantize_scheme import QuantizeScheme

from edge.fixed_point.formats import Format


@dataclass(frozen=True, kw_only=True)
class LayerFormats:
    """The formats of one layer; `result` is None where its sums leave as they are."""

    weights: Format
    bias: Format
    result: Format | None


class PowerOfTwo(quantizers.Quantizer):  # type: ignore[misc]
    """Rounding to a format. `mask`, of the weights' shape, holds those that pruning left at 1 and the others at 0."""

    def __init__(self, target: Format, mask: NDArray[np.float32] | None = None, *, half_up: bool = False) -> None:
        self.target = target
        self.mask = mask
        self.half_up = half_up

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:  # noqa: ARG002 - tfmot's signature
        return {}

    def __call__(self, inputs: Any, training: bool, weights: dict[str, Any], **_: Any) -> Any:  # noqa: ARG002
        scale = 2.0**self.target.fraction
        x = inputs if self.mask is None else inputs * self.mask
        codes = tf.floor(x * scale + 0.5) if self.half_up else tf.round(x * scale)
        rounded = tf.clip_by_value(codes, float(self.target.lowest), float(self.target.highest)) / scale
        if self.half_up:  # an activation: beyond its range nothing more can be learned
            x = tf.clip_by_value(x, self.target.lowest / scale, self.target.highest / scale)
        return x + tf.stop_gradient(rounded - x)

    def get_config(self) -> dict[str, Any]:
        return {"target": asdict(self.target), "half_up": self.half_up}


class FixedPointConfig(QuantizeConfig):  # type: ignore[misc]
    """Kernel, bias and activation of one layer in the formats given; an activation layer has a result alone."""

    def __init__(self, formats: LayerFormats, mask: NDArray[np.float32] | None) -> None:
        self.formats = formats
        self.mask = mask

    def get_weights_and_quantizers(self, layer: Any) -> list[tuple[Any, PowerOfTwo]]:
        if not hasattr(layer, "kernel"):
            return []
        return [
            (layer.kernel, PowerOfTwo(self.formats.weights, self.mask)),
            (layer.bias, PowerOfTwo(self.formats.bias)),
        ]

    def get_activations_and_quantizers(self, layer: Any) -> list[tuple[Any, PowerOfTwo]]:
        result = self.formats.result
        return [] if result is None else [(layer.activation, PowerOfTwo(result, half_up=True))]

    def set_quantize_weights(self, layer: Any, quantize_weights: Any) -> None:
        if quantize_weights:
            layer.kernel, layer.bias = quantize_weights

    def set_quantize_activations(self, layer: Any, quantize_activations: Any) -> None:
        if quantize_activations:
            (layer.activation,) = quantize_activations

    def get_output_quantizers(self, layer: Any) -> list[PowerOfTwo]:  # noqa: ARG002 - tfmot's signature
        return []

    def get_config(self) -> dict[str, Any]:
        return {"formats": asdict(self.formats), "mask": None if self.mask is None else self.mask.tolist()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "FixedPointConfig":
        """tfmot copies a network by what its parts say of themselves."""
        formats = {name: each and Format(**each) for name, each in config["formats"].items()}
        mask = config["mask"]
        return cls(LayerFormats(**formats), None if mask is None else np.asarray(mask, np.float32))


class _AsItIs(QuantizeLayoutTransform):  # type: ignore[misc]
    def apply(self, model: Any, layer_quantize_map: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return model, layer_quantize_map


class _Nothing(QuantizeRegistry):  # type: ignore[misc]
    """No layer is rounded that does not bring its own config."""

    def supports(self, layer: Any) -> bool:  # noqa: ARG002 - tfmot's signature
        return False

    def get_quantize_config(self, layer: Any) -> None:  # noqa: ARG002 - tfmot's signature
        return None


class FixedPointScheme(QuantizeScheme):  # type: ignore[misc]
    def get_layout_transformer(self) -> _AsItIs:
        return _AsItIs()

    def get_quantize_registry(self) -> _Nothing:
        return _Nothing()

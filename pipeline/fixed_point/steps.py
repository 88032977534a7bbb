"""A Keras network as the steps that fixed point knows: batch normalisation folded in, ReLU part of the step before."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import BadModel
from edge.fixed_point.network import PICTURE

Kind = Literal["dense", "conv", "max_pool", "average_pool", "flatten", "add"]
PRODUCTS: tuple[Kind, ...] = ("dense", "conv")
_IGNORED = ("Dropout",)


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One layer. `inputs`: positions of earlier steps, or PICTURE. Kernel and bias float32, of products alone."""

    name: str
    kind: Kind
    inputs: tuple[int, ...]
    relu: bool = False
    kernel: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    bias: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    strides: tuple[int, int] = (1, 1)
    padding: Literal["same", "valid"] = "valid"
    size: tuple[int, int] = (1, 1)


def steps_of(core: Any) -> tuple[Step, ...]:
    """The steps of a functional tf_keras model.

    Raises BadModel naming a layer that fixed point does not know.
    """
    steps: list[Step] = []
    made: dict[str, int] = {tensor.name: PICTURE for tensor in core.inputs}
    for layer in core.layers:
        kind = type(layer).__name__
        if kind == "InputLayer":
            continue
        sources = layer.input if isinstance(layer.input, list) else [layer.input]
        inputs = tuple(made[tensor.name] for tensor in sources)
        if kind in _IGNORED or kind == "BatchNormalization" or _is_relu(layer):
            made[layer.output.name] = inputs[0]
            if kind == "BatchNormalization":
                steps[inputs[0]] = _normalised(steps, inputs[0], layer)
            elif _is_relu(layer):
                steps[inputs[0]] = _rectified(steps, inputs[0], layer)
        else:
            steps.append(_step(layer, kind, inputs))
            if kind == "GlobalAveragePooling2D":
                steps.append(Step(name=f"{layer.name}_flat", kind="flatten", inputs=(len(steps) - 1,)))
            made[layer.output.name] = len(steps) - 1
    return tuple(steps)


def _step(layer: Any, kind: str, inputs: tuple[int, ...]) -> Step:
    if kind in ("Dense", "Conv2D"):
        if kind == "Conv2D" and (layer.groups != 1 or layer.dilation_rate != (1, 1)):
            raise _unknown(layer, "grouped and dilated convolutions have no fixed-point layer")
        if _activation(layer) not in ("linear", "relu"):
            raise _unknown(layer, f"its activation {_activation(layer)} has no fixed-point layer; use ReLU")
        kernel = layer.kernel.numpy()
        bias = layer.bias.numpy() if layer.use_bias else np.zeros(kernel.shape[-1], np.float32)
        common = Step(name=layer.name, kind="dense", inputs=inputs, kernel=kernel, bias=bias,
                      relu=_activation(layer) == "relu")  # fmt: skip
        if kind == "Dense":
            return common
        return replace(common, kind="conv", strides=tuple(layer.strides), padding=layer.padding)
    if kind in ("MaxPooling2D", "AveragePooling2D") and layer.padding == "valid" and layer.pool_size == layer.strides:
        name: Kind = "max_pool" if kind == "MaxPooling2D" else "average_pool"
        return Step(name=layer.name, kind=name, inputs=inputs, size=tuple(layer.pool_size))
    if kind == "GlobalAveragePooling2D":
        return Step(name=layer.name, kind="average_pool", inputs=inputs, size=tuple(layer.input_shape[1:3]))
    if kind == "Flatten":
        return Step(name=layer.name, kind="flatten", inputs=inputs)
    if kind == "Add" and len(inputs) == 2:
        return Step(name=layer.name, kind="add", inputs=inputs)
    raise _unknown(layer, "it has no fixed-point layer")


def _normalised(steps: list[Step], at: int, layer: Any) -> Step:
    """The product before a batch normalisation, with it folded in."""
    if at == PICTURE or steps[at].kind not in PRODUCTS or steps[at].relu:
        raise _unknown(layer, "batch normalisation has to follow a convolution or Dense layer")
    gamma = layer.gamma.numpy() if layer.scale else 1.0
    beta = layer.beta.numpy() if layer.center else 0.0
    gain = gamma / np.sqrt(layer.moving_variance.numpy() + layer.epsilon)
    step = steps[at]
    bias = (step.bias - layer.moving_mean.numpy()) * gain + beta
    return replace(step, kernel=(step.kernel * gain).astype(np.float32), bias=bias.astype(np.float32))


def _rectified(steps: list[Step], at: int, layer: Any) -> Step:
    if at == PICTURE or steps[at].kind not in (*PRODUCTS, "add"):
        raise _unknown(layer, "ReLU has to follow a convolution, a Dense layer or an addition")
    if getattr(layer, "max_value", None) is not None or getattr(layer, "negative_slope", False):
        raise _unknown(layer, "only the plain ReLU has a fixed-point layer")
    return replace(steps[at], relu=True)


def _is_relu(layer: Any) -> bool:
    kind = type(layer).__name__
    return kind == "ReLU" or (kind == "Activation" and _activation(layer) == "relu")


def _activation(layer: Any) -> str:
    return str(layer.activation.__name__)


def _unknown(layer: Any, reason: str) -> BadModel:
    return BadModel(f"layer {layer.name} ({type(layer).__name__}): {reason}; name a student: [fpga] hidden = [48, 24]")

"""Keras networks of steps: in float with pruned weights, or aware of fixed-point formats; and back to integers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras
from numpy.typing import NDArray

from edge.fixed_point.network import (
    PICTURE,
    Add,
    AveragePool,
    Conv2D,
    Dense,
    Flatten,
    Front,
    MaxPool,
    Network,
    Node,
    Round,
)
from pipeline.fixed_point.formats import codes
from pipeline.fixed_point.quantizers import FixedPointConfig, FixedPointScheme, LayerFormats
from pipeline.fixed_point.steps import PRODUCTS, Step

Masks = Sequence[NDArray[np.float32] | None]


class FrontLayer(keras.layers.Layer):  # type: ignore[misc]
    """The front of a fixed-point network on float pixels, which augmentation leaves between two bytes."""

    def __init__(self, front: Front) -> None:
        super().__init__(name="front", trainable=False)
        self.front = front

    def call(self, pixels: Any) -> Any:
        if not self.front.dropped:
            return (pixels - float(self.front.zero_point)) * 2.0**-self.front.fraction
        codes = tf.floor((pixels - float(self.front.zero_point)) * 2.0**-self.front.dropped)
        return codes * 2.0 ** (self.front.dropped - self.front.fraction)


class Pruned(keras.constraints.Constraint):  # type: ignore[misc]
    """Keeps the weights at 0 that `mask` has at 0."""

    def __init__(self, mask: NDArray[np.float32]) -> None:
        self.mask = mask

    def __call__(self, weights: Any) -> Any:
        return weights * self.mask


def float_network(steps: Sequence[Step], shape: tuple[int, int, int], masks: Masks) -> keras.Model:
    """The steps in float32 with their weights; those that a mask has at 0 stay 0 in training."""
    inputs = keras.Input(shape)
    network = keras.Model(inputs, _outputs(inputs, steps, masks)[-1], name="steps")
    _set_weights(network, steps)
    return network


def activations_of(network: keras.Model, steps: Sequence[Step], numbers: NDArray[np.float32]) -> list[Any]:
    """What every step of a `float_network` gives, ReLU included, for numbers [n, h, w, c]."""
    layers = [network.get_layer(_last_layer(step)) for step in steps]
    outputs: list[Any] = keras.Model(network.input, [layer.output for layer in layers])(numbers, training=False)
    return [each.numpy() for each in (outputs if isinstance(outputs, list) else [outputs])]


def aware_network(
    steps: Sequence[Step], shape: tuple[int, int, int], formats: Sequence[LayerFormats], masks: Masks
) -> keras.Model:
    """The steps with weights, biases and activations rounded as `network_of` will have them, made with tfmot."""
    plain = float_network(steps, shape, [None] * len(steps))
    configs = {
        _last_layer(step): FixedPointConfig(each, mask)
        for step, each, mask in zip(steps, formats, masks, strict=True)
        if step.kind in PRODUCTS or each.result is not None
    }
    annotate = tfmot.quantization.keras.quantize_annotate_layer

    def annotated(layer: Any) -> Any:
        config = configs.get(layer.name)
        return layer if config is None else annotate(layer, config)

    marked = keras.models.clone_model(plain, clone_function=annotated)
    marked.set_weights(plain.get_weights())
    with tfmot.quantization.keras.quantize_scope({"FixedPointConfig": FixedPointConfig}):
        aware = tfmot.quantization.keras.quantize_apply(marked, FixedPointScheme())
    _set_wrapped_weights(aware, steps)
    return aware


def trained_steps(network: keras.Model, steps: Sequence[Step], masks: Masks) -> tuple[Step, ...]:
    """`steps` with the weights of a trained `float_network` or `aware_network`, those pruned away 0."""
    found = []
    for step, mask in zip(steps, masks, strict=True):
        if step.kind in PRODUCTS:
            kernel, bias = (each.numpy() for each in _kernel_and_bias(network, step))
            step = replace(step, kernel=kernel if mask is None else kernel * mask, bias=bias)
        found.append(step)
    return tuple(found)


def network_of(
    steps: Sequence[Step], formats: Sequence[LayerFormats], front: Front, shape: tuple[int, int, int], bits: int
) -> Network:
    """The fixed-point network of trained steps: every number an integer."""
    nodes: list[Node] = []
    ends: dict[int, int] = {PICTURE: PICTURE}  # position of a step to that of the last node made of it
    for position, (step, each) in enumerate(zip(steps, formats, strict=True)):
        nodes.append(Node(layer=_layer(step, each), inputs=tuple(ends[at] for at in step.inputs)))
        if each.result is not None:
            nodes.append(Node(layer=Round(format=each.result), inputs=(len(nodes) - 1,)))
        ends[position] = len(nodes) - 1
    return Network(bits=bits, shape=shape, front=front, nodes=tuple(nodes))


def _layer(step: Step, formats: LayerFormats) -> Dense | Conv2D | MaxPool | AveragePool | Flatten | Add:
    numbers = {
        "weights": codes(step.kernel, formats.weights),
        "fraction": formats.weights.fraction,
        "bias": codes(step.bias, formats.bias),
        "bias_fraction": formats.bias.fraction,
    }
    match step.kind:
        case "dense":
            return Dense(**numbers)  # type: ignore[arg-type]
        case "conv":
            return Conv2D(**numbers, strides=step.strides, padding=step.padding)  # type: ignore[arg-type]
        case "max_pool":
            return MaxPool(size=step.size)
        case "average_pool":
            return AveragePool(size=step.size)
        case "flatten":
            return Flatten()
        case "add":
            return Add()


def _outputs(inputs: Any, steps: Sequence[Step], masks: Masks) -> list[Any]:
    values: list[Any] = []
    for step, mask in zip(steps, masks, strict=True):
        sources = [inputs if at == PICTURE else values[at] for at in step.inputs]
        value = _keras_layer(step, mask)(sources if step.kind == "add" else sources[0])
        if step.kind == "add" and step.relu:
            value = keras.layers.Activation("relu", name=_last_layer(step))(value)
        values.append(value)
    return values


def _keras_layer(step: Step, mask: NDArray[np.float32] | None) -> Any:
    layers = keras.layers
    keep = None if mask is None else Pruned(mask)
    activation = "relu" if step.relu else "linear"
    match step.kind:
        case "dense":
            return layers.Dense(step.kernel.shape[-1], activation, kernel_constraint=keep, name=step.name)
        case "conv":
            filters, kernel = step.kernel.shape[-1], step.kernel.shape[:2]
            return layers.Conv2D(
                filters,
                kernel,
                step.strides,
                step.padding,
                activation=activation,
                kernel_constraint=keep,
                name=step.name,
            )
        case "max_pool":
            return layers.MaxPooling2D(step.size, name=step.name)
        case "average_pool":
            return layers.AveragePooling2D(step.size, name=step.name)
        case "flatten":
            return layers.Flatten(name=step.name)
        case "add":
            return layers.Add(name=step.name)


def _last_layer(step: Step) -> str:
    return f"{step.name}_relu" if step.kind == "add" and step.relu else step.name


def _set_weights(network: keras.Model, steps: Sequence[Step]) -> None:
    for step in steps:
        if step.kind in PRODUCTS:
            network.get_layer(step.name).set_weights([step.kernel, step.bias])


def _set_wrapped_weights(aware: keras.Model, steps: Sequence[Step]) -> None:
    """Put the steps' weights into tfmot's wrappers, whose layers were made anew."""
    for step in steps:
        if step.kind in PRODUCTS:
            for variable, value in zip(_kernel_and_bias(aware, step), (step.kernel, step.bias), strict=True):
                variable.assign(value)


def _kernel_and_bias(network: keras.Model, step: Step) -> tuple[Any, Any]:
    """The variables of one step, inside tfmot's wrapper or not."""
    layer = next(each for each in network.layers if each.name in (step.name, f"quant_{step.name}"))
    by_name = {variable.name.split(":")[0].rsplit("/")[-1]: variable for variable in layer.trainable_weights}
    return by_name["kernel"], by_name["bias"]

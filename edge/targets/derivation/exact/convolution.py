"""CONV_2D and DEPTHWISE_CONV_2D."""

import numpy as np
from onnx import TensorProto

from edge.targets.derivation.exact.fixed_point import fixed_point
from edge.targets.derivation.exact.network import FLOAT_LIMIT, Network
from edge.targets.derivation.exact.rescale import rescale
from edge.targets.derivation.exact.tensors import range_of, refused
from edge.targets.derivation.exact.weights import Layer, layer_of
from edge.targets.derivation.exact.windows import Windows, windows_of
from edge.tflite import Operator


def convolution(network: Network, operator: Operator) -> None:
    """Weights [out, height, width, in / groups]; `groups` is what the channels of the data have more."""
    layer = layer_of(operator, network.source, channels=0)
    source = network.source.tensors[operator.inputs[0]]
    _add(network, operator, layer, layer.weights.transpose(0, 3, 1, 2), source.shape[3] // layer.weights.shape[3])


def depthwise_convolution(network: Network, operator: Operator) -> None:
    """Weights [1, height, width, in * multiplier]: one group for each channel of the data."""
    layer = layer_of(operator, network.source, channels=3)
    source = network.source.tensors[operator.inputs[0]]
    _add(network, operator, layer, layer.weights.transpose(3, 0, 1, 2), source.shape[3])


def _add(network: Network, operator: Operator, layer: Layer, weights: np.ndarray, groups: int) -> None:
    source, result = network.source.tensors[operator.inputs[0]], network.source.tensors[operator.outputs[0]]
    windows = windows_of(operator, weights.shape[2:], source, result)
    codes = network.read(source.index, "NCHW")
    if layer.bound.max() < FLOAT_LIMIT:
        sums = _float_sums(network, codes, layer, weights, windows, groups)
    elif source.dtype == "INT8":
        sums = _integer_sums(network, codes, source.zero_points[0], layer, weights, windows, groups)
    else:
        raise refused(operator, f"it reads {source.dtype} codes")
    written = range_of(result, operator.options["fusedActivationFunction"])
    scaled = rescale(network, operator, sums, fixed_point(layer.scales), layer.bound, written, "NCHW")
    network.write(result.index, scaled, "NCHW")


def _float_sums(network: Network, codes: str, layer: Layer, weights: np.ndarray, windows: Windows, groups: int) -> str:
    """Sums of whole numbers that all stay below 2**24: exact in float32, in whatever order they are added."""
    bias = network.constant(layer.bias, np.float32)
    return network.node("Conv", codes, network.weights(weights), bias, group=groups, **_attributes(windows))


def _integer_sums(
    network: Network, codes: str, zero_point: int, layer: Layer, weights: np.ndarray, windows: Windows, groups: int
) -> str:
    """Larger sums in int32. Both factors are uint8: x86 without VNNI saturates products of uint8 and int8."""
    raised = network.node("Add", codes, network.constant(zero_point + 128, np.float32))
    sums = network.node(
        "ConvInteger",
        network.node("Cast", raised, to=TensorProto.UINT8),
        network.constant(weights.astype(np.int16) + 128, np.uint8),
        network.constant(zero_point + 128, np.uint8),
        network.constant(128, np.uint8),
        group=groups,
        **_attributes(windows),
    )
    return network.node("Add", sums, network.constant(layer.bias.reshape(-1, 1, 1), np.int32))


def _attributes(windows: Windows) -> dict[str, tuple[int, ...]]:
    return {"strides": windows.strides, "dilations": windows.dilations, "pads": windows.pads}

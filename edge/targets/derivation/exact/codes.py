"""QUANTIZE, RELU and RELU6, which bring codes to another scale, and DEQUANTIZE."""

import numpy as np

from edge.targets.derivation.exact.fixed_point import fixed_point
from edge.targets.derivation.exact.network import Network
from edge.targets.derivation.exact.rescale import rescale
from edge.targets.derivation.exact.tensors import codes_of, range_of
from edge.tflite import Operator


def quantize(network: Network, operator: Operator) -> None:
    _requantize(network, operator, activation=0)


def relu(network: Network, operator: Operator) -> None:
    _requantize(network, operator, activation=1)


def relu6(network: Network, operator: Operator) -> None:
    _requantize(network, operator, activation=3)


def dequantize(network: Network, operator: Operator) -> None:
    """Real numbers, float32: one rounding of scale * (code - zero_point), as in the kernel."""
    source = codes_of(operator, network.source, operator.inputs[0])
    layout = network.layout(source.index)
    scale = network.constant(source.scales[0], np.float32)
    network.write(operator.outputs[0], network.node("Mul", network.read(source.index, layout), scale), layout)


def _requantize(network: Network, operator: Operator, activation: int) -> None:
    source, result = (codes_of(operator, network.source, index) for index in (operator.inputs[0], operator.outputs[0]))
    layout = network.layout(source.index)
    factors = fixed_point([source.scales[0] / result.scales[0]])
    written, widest = range_of(result, activation), range_of(source).widest
    centred = network.read(source.index, layout)
    network.write(result.index, rescale(network, operator, centred, factors, widest, written, layout), layout)

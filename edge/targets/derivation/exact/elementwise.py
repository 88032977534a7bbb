"""ADD and MUL of two activations, or of one and a constant."""

import numpy as np

from edge.targets.derivation.exact.fixed_point import fixed_point
from edge.targets.derivation.exact.network import Layout, Network
from edge.targets.derivation.exact.rescale import rescale, rescale_input
from edge.targets.derivation.exact.tensors import codes_of, range_of, refused
from edge.tflite import Operator, Tensor

LIFT = 20  # ADD's left_shift for 8 bits: both inputs are rounded at 2**-20 of the coarser one's half step


def add(network: Network, operator: Operator) -> None:
    """Both inputs are brought to twice the coarser scale at 20 more bits, added, and brought to the result's scale."""
    first, second, result, layout = _operands(network, operator)
    coarsest = 2 * max(first.scales[0], second.scales[0])
    parts, bound = [], 0
    for tensor in (first, second):
        factors = fixed_point([tensor.scales[0] / coarsest], lift=LIFT)
        widest = range_of(tensor).widest
        parts.append(rescale_input(network, operator, network.read(tensor.index, layout), factors, widest))
        bound += (widest << LIFT) // 2 + 1  # a factor is 1/2 at most
    total = network.node("Add", *parts)
    factors = fixed_point([coarsest / (2**LIFT * result.scales[0])])
    written = range_of(result, operator.options["fusedActivationFunction"])
    network.write(result.index, rescale(network, operator, total, factors, bound, written, layout), layout)


def multiply(network: Network, operator: Operator) -> None:
    """The product of the centred codes, brought to the result's scale; the factor is made in float32."""
    first, second, result, layout = _operands(network, operator)
    product = network.node("Mul", network.read(first.index, layout), network.read(second.index, layout))
    scales = [np.float32(each.scales[0]) for each in (first, second, result)]
    factors = fixed_point([float(scales[0] * scales[1] / scales[2])])
    bound = range_of(first).widest * range_of(second).widest
    written = range_of(result, operator.options["fusedActivationFunction"])
    network.write(result.index, rescale(network, operator, product, factors, bound, written, layout), layout)


def _operands(network: Network, operator: Operator) -> tuple[Tensor, Tensor, Tensor, Layout]:
    first, second, result = (
        codes_of(operator, network.source, index) for index in (*operator.inputs, *operator.outputs)
    )
    if len(first.shape) != len(second.shape) and 0 not in (len(first.shape), len(second.shape)):
        raise refused(operator, f"it spreads {list(first.shape)} over {list(second.shape)}")
    return first, second, result, network.layout(*operator.inputs)

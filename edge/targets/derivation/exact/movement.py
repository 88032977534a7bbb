"""RESHAPE, PAD and CONCATENATION: codes move and stay what they are."""

import numpy as np

from edge.targets.derivation.exact.network import Network
from edge.targets.derivation.exact.tensors import codes_of, refused, same_codes, values_of
from edge.tflite import Operator, Tensor

NCHW_AXES = (0, 2, 3, 1)  # where NHWC's axes stand in NCHW


def reshape(network: Network, operator: Operator) -> None:
    source, result = _source_and_result(network, operator)
    shape = network.constant([-1, *result.shape[1:]], np.int64)
    network.write(result.index, network.node("Reshape", network.read(source.index), shape))


def pad(network: Network, operator: Operator) -> None:
    """Zero padding, which the zero point stands for."""
    source, result = _source_and_result(network, operator)
    amounts = values_of(network.source.tensors[operator.inputs[1]]).astype(np.int64)
    layout = network.layout(source.index)
    if len(source.shape) == 4 and layout == "NCHW":
        amounts = amounts[[0, 3, 1, 2]]
    padded = network.node("Pad", network.read(source.index, layout), network.constant(amounts.T.ravel(), np.int64))
    network.write(result.index, padded, layout)


def concatenation(network: Network, operator: Operator) -> None:
    sources = [codes_of(operator, network.source, index) for index in operator.inputs]
    result = codes_of(operator, network.source, operator.outputs[0])
    axis = operator.options["axis"] % len(result.shape)
    if not all(same_codes(source, result) for source in sources):
        raise refused(operator, "its inputs have different scales")
    if axis == 0 or operator.options["fusedActivationFunction"] != 0:
        raise refused(operator, "it joins the first axis or has a fused activation")
    layout = network.layout(*operator.inputs)
    if len(result.shape) == 4 and layout == "NCHW":
        axis = NCHW_AXES[axis]
    parts = [network.read(source.index, layout) for source in sources]
    network.write(result.index, network.node("Concat", *parts, axis=axis), layout)


def _source_and_result(network: Network, operator: Operator) -> tuple[Tensor, Tensor]:
    source, result = (codes_of(operator, network.source, index) for index in (operator.inputs[0], operator.outputs[0]))
    if not same_codes(source, result):
        raise refused(operator, "its input and its output have different scales")
    return source, result

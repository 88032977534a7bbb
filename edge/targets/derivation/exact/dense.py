"""FULLY_CONNECTED."""

import math

import numpy as np
from onnx import TensorProto

from edge.targets.derivation.exact.float_product import float_product
from edge.targets.derivation.exact.network import FLOAT_LIMIT, Network
from edge.targets.derivation.exact.rescale import rescale
from edge.targets.derivation.exact.tensors import range_of, refused
from edge.targets.derivation.exact.weights import layer_of
from edge.tflite import Operator


def dense(network: Network, operator: Operator) -> None:
    """Weights [out, in]; the data is flattened to [batch, in] unless its axes are kept."""
    layer = layer_of(operator, network.source, channels=0)
    source, result = network.source.tensors[operator.inputs[0]], network.source.tensors[operator.outputs[0]]
    width = layer.weights.shape[1]
    data = network.read(source.index)
    if not operator.options.get("keepNumDims") and len(source.shape) != 2:
        if math.prod(source.shape[1:]) != width:
            raise refused(operator, f"it mixes {list(source.shape)} into rows of {width}")
        data = network.node("Reshape", data, network.constant([-1, width], np.int64))
    # Sums of whole numbers are exact in float32 below 2**24, and in float64 for whatever fits 32 bits.
    small = layer.bound.max() < FLOAT_LIMIT
    if not small:
        data = network.node("Cast", data, to=TensorProto.DOUBLE)
    weights = network.weights(layer.weights.T, TensorProto.FLOAT if small else TensorProto.DOUBLE)
    bias = network.constant(layer.bias, np.float32 if small else np.float64)
    sums = network.node("Add", network.node("MatMul", data, weights), bias)
    written = range_of(result, operator.options["fusedActivationFunction"])
    network.write(result.index, rescale(network, operator, sums, float_product(layer.scales), layer.bound, written))

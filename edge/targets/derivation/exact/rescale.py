"""A rescaling and the clamp after it, as ONNX nodes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from edge.targets.derivation.exact.emulation import Plan, Rescaling, plan
from edge.targets.derivation.exact.fixed_point import FixedPoint, Reals
from edge.targets.derivation.exact.network import Layout, Network
from edge.targets.derivation.exact.tensors import Range, refused
from edge.tflite import Operator

UNCLAMPED = Range(low=-(1 << 29), high=1 << 29)


def rescale(
    network: Network,
    operator: Operator,
    sums: str,
    rescaling: Rescaling,
    bound: Any,
    written: Range,
    layout: Layout = "NHWC",
) -> str:
    """Float32 codes less their zero point from whole-number `sums` of any dtype, each within -bound..bound.

    `rescaling` has one factor or one for each channel; `bound` is an integer or one for each channel. `layout` says
    where the channels are: at axis 1 of 4, or last.

    Raises ConversionFailed where float64 cannot repeat the kernel exactly.
    """
    found = plan(rescaling, _as_long_as(rescaling.real, bound), written.low, written.high)
    if found is None:
        raise refused(operator, "float64 does not hold its rescaling, or its sums leave 32 bits")
    if found.form == "product" and (found.real == 1).all():
        return sums
    return network.node("Cast", _applied(network, found, sums, layout), to=TensorProto.FLOAT)


def rescale_input(network: Network, operator: Operator, centred: str, rescaling: FixedPoint, widest: int) -> str:
    """The whole numbers, as float64, that ADD makes of one input's centred codes of -widest..widest; not clamped.

    Raises as `rescale`.
    """
    found = plan(rescaling, np.array([widest]), UNCLAMPED.low, UNCLAMPED.high)
    if found is None:
        raise refused(operator, "float64 does not hold the rescaling of its input")
    applied = _applied(network, found, centred, "NHWC")
    return applied if found.form == "product" else network.node("Cast", applied, to=TensorProto.DOUBLE)


def _applied(network: Network, found: Plan, sums: str, layout: Layout) -> str:
    """The plan's nodes: float64 whole numbers where it is a mere product, otherwise int32 ones."""
    x = network.node("Cast", sums, to=TensorProto.DOUBLE)
    result = network.node("Mul", x, _spread(network, found.real, layout))
    if found.form == "product":
        return result
    if found.form == "offset by sign":
        sign = network.node("Clip", x, network.constant(-1, np.float64), network.constant(0, np.float64))
        result = network.node("Add", result, network.node("Mul", sign, _spread(network, found.below, layout)))
    raised = network.node("Add", result, _spread(network, found.offset, layout))
    whole = network.node("Cast", raised, to=TensorProto.INT32)  # truncates: floor, since negative ones are clamped
    top = network.constant(found.high - found.low, np.int32)
    clamped = network.node("Clip", whole, network.constant(0, np.int32), top)
    return network.node("Add", clamped, network.constant(found.low, np.int32)) if found.low else clamped


def _spread(network: Network, values: Reals, layout: Layout) -> str:
    """A constant that broadcasts over the channels; a scalar where all are equal."""
    if (values == values[0]).all():
        return network.constant(values[0], np.float64)
    return network.constant(values.reshape(-1, 1, 1) if layout == "NCHW" else values, np.float64)


def _as_long_as(real: Reals, bound: Any) -> NDArray[np.int64]:
    bounds = np.atleast_1d(np.asarray(bound, np.int64))
    return np.full(1, bounds.max()) if len(real) == 1 else np.broadcast_to(bounds, real.shape)

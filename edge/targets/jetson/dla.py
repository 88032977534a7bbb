"""Which operators the deep learning accelerators of Xavier and Orin execute: the table dla.toml, with its sources."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from onnx import NodeProto, TensorProto

from edge.boards import Board
from edge.target import Finding, PlacedOperator
from edge.targets.jetson.network import Network, attribute
from edge.targets.jetson.releases import version_of

FILE = Path(__file__).parent / "dla.toml"
XAVIER = "7.2"  # compute capability
# Where the weights or the second operand must be constants: TensorRT makes these into convolutions and scales.
CONSTANT_SECOND = ("Conv", "ConvTranspose", "Gemm", "MatMul", "PRelu")


def dla_cores(board: Board | None) -> int:
    """How many of them the board has that its TensorRT can use."""
    cores = 0 if board is None else int(board.number("dla_cores") or 0)
    return cores if board is not None and version_of(board)[:2] <= tuple(_table()["last_tensorrt"]) else 0


def place_on_dla(
    network: Network, placed: Sequence[PlacedOperator], board: Board
) -> tuple[tuple[PlacedOperator, ...], list[Finding]]:
    """`placed` with the reason why an operator of the GPU cannot run on the DLA, and one finding that sums it up."""
    xavier = board.word("compute_capability") == XAVIER
    reasons = [_gpu_reason(network, node, xavier=xavier) for node in network.nodes]
    operators = tuple(
        replace(operator, reason=f"runs on the GPU, not the DLA: {reason}")
        if reason and operator.placement == "accelerator"
        else operator
        for operator, reason in zip(placed, reasons, strict=True)
    )
    count = sum(not reason for reason in reasons)
    words = f"{count} of {len(reasons)} operators can run on a DLA core of {board.title}, the others on the GPU"
    fix = "" if count else "build for the GPU (build_engine.py does so by default)"
    return operators, [Finding(severity="note", operator="DLA", reason=words, fix=fix)]


def _gpu_reason(network: Network, node: NodeProto, *, xavier: bool) -> str:
    """Why the DLA does not take `node`; empty where no rule speaks against it."""
    table = _table()
    if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
        return "explicit quantization; NVIDIA's qdq_translator makes a calibration cache of it"
    if node.domain not in ("", "ai.onnx") or node.op_type not in table["operators"]:
        return f"the DLA has no {node.op_type}"
    if xavier and node.op_type in table["not_on_xavier"]:
        return f"Xavier's DLA has no {node.op_type}"
    if node.op_type in CONSTANT_SECOND and len(node.input) > 1 and not _constant_weights(network, node.input[1]):
        return "its second operand is computed"
    return _reason_of_tensors(network, node) or _reason_of_attributes(network, node)


def _reason_of_tensors(network: Network, node: NodeProto) -> str:
    table = _table()
    for name in [each for each in (*node.input[:1], *node.output[:1]) if each and not network.is_constant(each)]:
        shape, kind = network.shape_of(name), network.type_of(name)
        if kind not in (TensorProto.FLOAT16, TensorProto.FLOAT, TensorProto.INT8, TensorProto.UNDEFINED):
            return "it computes in int8 and float16 alone"  # float32 is made float16 by the builder's flag
        if shape is None or any(length is None or length < 0 for length in shape[1:]):
            return "it takes no shape that is free"
        if any(length is not None and length > table["size"][1] for length in shape[1:]):
            return f"an axis longer than {table['size'][1]}"
        if shape and shape[0] is not None and shape[0] > table["batch"][1]:
            return f"a batch larger than {table['batch'][1]}"
        if len(shape) > 4:
            return f"a tensor of {len(shape)} axes; it takes 4"
    return ""


def _reason_of_attributes(network: Network, node: NodeProto) -> str:
    for name, (least, largest) in _table()["limits"].get(node.op_type, {}).items():
        values = _numbers(network, node, name)
        if len(values) > (4 if name == "pads" else 2):
            return "it takes two spatial axes"
        outside = [value for value in values if not least <= value <= largest]
        if outside:
            return f"{name} of {outside[0]}; it takes {least} to {largest}"
    return ""


def _numbers(network: Network, node: NodeProto, name: str) -> Sequence[int]:
    """An attribute's numbers; a convolution's kernel is as large as its weights where the attribute is left out."""
    given = attribute(node, name, None)
    if isinstance(given, int):
        return [given]
    if given is None and name == "kernel_shape" and len(node.input) > 1:
        return [length or 0 for length in (network.shape_of(node.input[1]) or ())[2:]]
    return list(given) if isinstance(given, list | tuple) else []


def _constant_weights(network: Network, tensor: str) -> bool:
    """Whether `tensor` is constant, or constant codes behind a DequantizeLinear."""
    maker = network.makers.get(tensor)
    if maker is not None and maker.op_type == "DequantizeLinear" and maker.input:
        return network.is_constant(maker.input[0])
    return network.is_constant(tensor)


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))

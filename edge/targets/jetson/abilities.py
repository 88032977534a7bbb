"""What a board's own GPU cannot compute in, whatever its TensorRT reads."""

from collections.abc import Mapping

from onnx import TensorProto

from edge.boards import Board
from edge.target import Finding
from edge.targets.jetson.network import Network, name_of

TYPES: Mapping[int, str] = {  # the figure of the board that says whether its GPU computes in a type
    TensorProto.INT8: "int8",
    TensorProto.UINT8: "int8",
    TensorProto.FLOAT8E4M3FN: "fp8",
    TensorProto.FLOAT4E2M1: "fp8",
    TensorProto.BFLOAT16: "bfloat16",
}


def check_abilities(network: Network, board: Board) -> list[Finding]:
    """A refusal for each type that the network computes in and the board's GPU does not."""
    missing: dict[str, str] = {}
    for node in network.nodes:
        if node.op_type == "QuantizeLinear":
            kinds = [network.type_of(name) for name in node.output]
        else:
            floats = (TensorProto.BFLOAT16, TensorProto.FLOAT8E4M3FN)
            kinds = [kind for kind in map(network.type_of, node.output) if kind in floats]
        for figure in (TYPES[kind] for kind in kinds if kind in TYPES):
            if not board.number(figure):
                missing.setdefault(figure, name_of(node))
    capability = board.word("compute_capability")
    return [
        Finding(
            severity="refused",
            operator=where,
            reason=f"the GPU of {board.title} (compute capability {capability}) does not compute in {figure}",
            fix="take float16",
        )
        for figure, where in missing.items()
    ]


def check_memory(estimates: Mapping[str, int], board: Board) -> list[Finding]:
    """Weights and activations within the board's memory, which CPU and GPU share."""
    needed = sum(estimates.get(name, 0) for name in ("weight_bytes", "activation_bytes"))
    memory = board.number("memory_bytes")
    if memory is None or needed <= memory:
        return []
    reason = f"weights and activations take {needed:,} bytes; {board.title} has {memory:,.0f}"
    return [Finding(severity="refused", operator="memory", reason=reason, fix="use a smaller network or picture")]


def check_typing(network: Network) -> list[Finding]:
    """A note where all arithmetic is float32: strong typing, all that TensorRT 11 has, will not lower it."""
    kinds = {network.type_of(name) for node in network.nodes for name in node.output}
    lower = (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.INT8, TensorProto.FLOAT8E4M3FN)
    if TensorProto.FLOAT not in kinds or not kinds.isdisjoint(lower):
        return []
    reason = "all arithmetic is float32, and so it stays in TensorRT 11, which takes types as they stand (no --fp16)"
    return [Finding(severity="note", operator="types", reason=reason, fix="take the float16 or an int8 form")]

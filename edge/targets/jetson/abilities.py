"""What a board's own GPU cannot compute in, whatever its TensorRT reads."""

from collections.abc import Mapping

from onnx import TensorProto

from edge.boards import Board
from edge.target import Finding, Severity
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
    """A refusal where the weights alone exceed the board's memory, which CPU and GPU share.

    Uncertain where only weights and activations together do: an engine reuses the memory of activations.
    """
    weights, memory = estimates.get("weight_bytes", 0), board.number("memory_bytes")
    together = weights + estimates.get("activation_bytes", 0)
    if memory is None or together <= memory:
        return []
    severity: Severity = "refused" if weights > memory else "uncertain"
    taken = f"weights take {weights:,} bytes"
    if severity == "uncertain":
        taken = f"weights and all activations together take {together:,} bytes, an upper bound (engines reuse memory)"
    reason = f"{taken}; {board.title} has {memory:,.0f}"
    return [Finding(severity=severity, operator="memory", reason=reason, fix="use a smaller network or picture")]


def check_typing(network: Network) -> list[Finding]:
    """A note where all arithmetic is float32: strong typing, all that TensorRT 11 has, will not lower it."""
    kinds = {network.type_of(name) for node in network.nodes for name in node.output}
    lower = (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.INT8, TensorProto.FLOAT8E4M3FN)
    if TensorProto.FLOAT not in kinds or not kinds.isdisjoint(lower):
        return []
    reason = "all arithmetic is float32, and so it stays in TensorRT 11, which takes types as they stand (no --fp16)"
    return [Finding(severity="note", operator="types", reason=reason, fix="take the float16 or an int8 form")]

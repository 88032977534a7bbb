"""What is known of one operator on the Edge TPU, in the compiler's own words where it has them."""

import struct
from dataclasses import dataclass

from edge.tflite import Graph, Operator, Tensor

# The statuses of edgetpu_compiler's operator log, as public logs have them: https://github.com/google-coral/edgetpu/issues
MAPPED = "Mapped to Edge TPU"
MORE_SUBGRAPHS = "More than one subgraph is not supported"
NOT_SUPPORTED = "Operation not supported"
DATA_TYPE = "Operation is working on an unsupported data type"
UNSPECIFIED = "Operation is otherwise supported, but not mapped due to some unspecified limitation"
RANK = "Tensor has unsupported rank (up to 3 innermost dimensions mapped)"
NOT_CONSTANT = "Filter, bias, or other param is not constant at compile-time"
IMPRECISE = "Image-interpolation layer won't run precisely enough on Edge TPU"


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """Whether the Edge TPU takes an operator by itself; `supported` is the better guess where there is a `doubt`."""

    supported: bool
    reason: str = ""  # why not
    doubt: str = ""  # what nobody has seen


FINE = Ruling(supported=True)


def left(status: str, detail: str = "", *, doubt: str = "") -> Ruling:
    """Left on the CPU with the compiler's `status`, and what in the model causes it."""
    return Ruling(supported=False, reason=f"{status} ({detail})" if detail else status, doubt=doubt)


def doubted(doubt: str) -> Ruling:
    """Taken, by the better guess."""
    return Ruling(supported=True, doubt=doubt)


def input_of(graph: Graph, operator: Operator, place: int) -> Tensor | None:
    """The tensor that `operator` reads at `place`; None where it reads none there."""
    if place >= len(operator.inputs) or operator.inputs[place] < 0:
        return None
    return graph.tensors[operator.inputs[place]]


def output_of(graph: Graph, operator: Operator) -> Tensor | None:
    """The first tensor that `operator` writes; None where it writes none."""
    return graph.tensors[operator.outputs[0]] if operator.outputs else None


def integers_of(tensor: Tensor | None) -> tuple[int, ...]:
    """The values of a constant INT32 or INT64 tensor; empty for any other."""
    letter = {"INT32": "i", "INT64": "q"}.get(tensor.dtype) if tensor is not None and tensor.constant else None
    if tensor is None or letter is None:
        return ()
    count = len(tensor.data) // struct.calcsize(letter)
    return struct.unpack_from(f"<{count}{letter}", tensor.data)

"""Which operators TFLite Micro has a kernel for, and in which types: `kernels.toml`, held against a TFLite graph."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edge.target import PlacedOperator
from edge.tflite import Graph, Operator, Tensor

TABLE = Path(__file__).with_name("kernels.toml")
LIST = "https://github.com/tensorflow/tflite-micro/blob/main/tensorflow/lite/micro/micro_mutable_op_resolver.h"

WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})
CONVERTING = frozenset({"QUANTIZE", "DEQUANTIZE", "CAST"})
# Which input carries the data, where it is not the first.
DATA_INPUT = {"SPLIT": 1, "TRANSPOSE_CONV": 2, "SELECT_V2": 1, "EMBEDDING_LOOKUP": 1, "FILL": 1}


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """`add`: the resolver's method; `types`: e.g. "INT8", "INT16/INT8" (activations/weights), "UINT8>INT8" (in>out)."""

    add: str
    types: frozenset[str]
    code_bytes: int


@dataclass(frozen=True, kw_only=True)
class Kernels:
    """`runtime_bytes`: code of TFLite Micro's interpreter and allocator."""

    runtime_bytes: int
    by_name: Mapping[str, Kernel]


@cache
def known_kernels() -> Kernels:
    """The table in `kernels.toml`."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return Kernels(
        runtime_bytes=table["runtime_bytes"],
        by_name={
            name: Kernel(add=row["add"], types=frozenset(row["types"].split()), code_bytes=row["code_bytes"])
            for name, row in table["kernels"].items()
        },
    )


def place(graph: Graph) -> tuple[PlacedOperator, ...]:
    """Each operator "cpu" where a kernel computes its types, "uncertain" where nobody tried, otherwise "refused"."""
    return tuple(_place(graph, operator) for operator in graph.operators)


def _place(graph: Graph, operator: Operator) -> PlacedOperator:
    kernel = known_kernels().by_name.get(operator.name)
    if kernel is None:
        reason = f"TFLite Micro has no kernel for {operator.name}; use layers without it: {LIST}"
        return PlacedOperator(index=operator.index, name=operator.name, placement="refused", reason=reason)
    types = types_of(graph, operator)
    if types in kernel.types:
        return PlacedOperator(index=operator.index, name=operator.name, placement="cpu")
    if not kernel.types or not types:
        reason = "which types its kernel computes was not tried"
        return PlacedOperator(index=operator.index, name=operator.name, placement="uncertain", reason=reason)
    reason = f"no kernel for {types}, there are {', '.join(sorted(kernel.types))}; {_way_round(types, kernel)}"
    return PlacedOperator(index=operator.index, name=operator.name, placement="refused", reason=reason)


def types_of(graph: Graph, operator: Operator) -> str:
    """What chooses the kernel's code: "INT8/INT8" of weighted operators, "UINT8>INT8" of converting ones, else "INT8".

    Empty where the operator lacks the tensors that it should have.
    """
    data = _tensor(graph, operator.inputs, DATA_INPUT.get(operator.name, 0))
    if data is None:
        return ""
    if operator.name in WEIGHTED:
        weights = _tensor(graph, operator.inputs, 1)
        return "" if weights is None else f"{data.dtype}/{weights.dtype}"
    if operator.name in CONVERTING:
        result = _tensor(graph, operator.outputs, 0)
        return "" if result is None else f"{data.dtype}>{result.dtype}"
    return data.dtype


def _tensor(graph: Graph, indices: tuple[int, ...], place: int) -> Tensor | None:
    return graph.tensors[indices[place]] if place < len(indices) and indices[place] >= 0 else None


def _way_round(types: str, kernel: Kernel) -> str:
    if types == "FLOAT32/INT8":
        return "weights alone are quantized here: give the converter calibration pictures, so that activations are too"
    if "FLOAT16" in types:
        return "convert to float32 or int8: TFLite Micro has no float16"
    if not any(each == "INT8" or each.startswith(("INT8/", "INT8>")) for each in kernel.types):
        return "use a layer that has an int8 kernel"
    if "UINT8" in types:
        return "uint8 activations are those of converters before 2020: convert the network to int8 again"
    if types == "INT16":
        return "convert to int8, or use a layer that has an int16 kernel"
    return "convert to int8"

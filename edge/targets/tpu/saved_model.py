"""A SavedModel as values: its serving signature, and the operators behind it.

Format: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/saved_model.proto
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.device.errors import BadModel, Unavailable
from edge.target import Precision

SIGNATURE, GRAPH = "serving_default", "saved_model.pb"
# Arguments, constants, variables and calls: they compute nothing.
STRUCTURE = frozenset(
    {"Const", "Identity", "IdentityN", "NoOp", "PartitionedCall", "Placeholder", "ReadVariableOp",
     "StatefulPartitionedCall", "_Arg", "_Retval"}
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Node:
    """One operator of the graph and the types of its attributes, e.g. "bfloat16"."""

    name: str
    kind: str  # e.g. "Conv2D"
    types: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class SavedModel:
    """`shape` and `dtype` are the input's, None for a length that is free. `signature` is TensorFlow's function,
    `model` what keeps its variables alive."""

    folder: Path
    shape: tuple[int | None, ...]
    dtype: str
    result_shape: tuple[int | None, ...]
    result_dtype: str
    nodes: tuple[Node, ...]
    parameter_bytes: int
    signature: Any
    model: Any

    @property
    def precision(self) -> Precision:
        return "bfloat16" if any("bfloat16" in node.types for node in self.nodes) else "float32"

    @property
    def obstacles(self) -> list[str]:
        """Why it does not take pictures as the contract has them, in words."""
        found = []
        if self.dtype != "uint8" or len(self.shape) != 4 or self.shape[0] is not None:
            found.append(f"its input is {self.dtype} {list(self.shape)}, expected uint8 [batch, h, w, c]")
        if self.result_dtype != "float32" or len(self.result_shape) != 2:
            found.append(
                f"its output is {self.result_dtype} {list(self.result_shape)}, expected float32 [batch, labels]"
            )
        return found


def read_saved_model(path: Path) -> SavedModel:
    """The SavedModel at `path`, its folder or its saved_model.pb. Its graph is loaded, not run.

    Raises BadModel where there is none or it has no serving signature of one input and one output, Unavailable where
    TensorFlow is missing.
    """
    folder = path if path.is_dir() else path.parent
    if not (folder / GRAPH).is_file() or not (path.is_dir() or path.name == GRAPH):
        raise BadModel(f"{path}: no SavedModel; expected its folder or its {GRAPH}")
    try:
        import tensorflow as tf
    except ImportError:
        raise Unavailable("the package tensorflow is missing; pip install tensorflow") from None

    try:
        model = tf.saved_model.load(str(folder))
    except (OSError, ValueError, TypeError, KeyError, tf.errors.OpError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise BadModel(f"{path}: not a whole SavedModel ({reason}); copy or save it again") from error
    signature = model.signatures.get(SIGNATURE)
    if signature is None:
        raise BadModel(f"{path}: no signature {SIGNATURE!r}; save it with one")
    inputs, outputs = signature.structured_input_signature[1], signature.structured_outputs
    if len(inputs) != 1 or len(outputs) != 1:
        raise BadModel(f"{path}: {SIGNATURE} has {len(inputs)} inputs and {len(outputs)} outputs; expected one of each")
    (source,), (result,) = inputs.values(), outputs.values()
    return SavedModel(
        folder=folder,
        shape=_lengths(source.shape),
        dtype=source.dtype.name,
        result_shape=_lengths(result.shape),
        result_dtype=result.dtype.name,
        nodes=tuple(_nodes(tf, signature.graph.as_graph_def())),
        parameter_bytes=sum(variable.dtype.size * variable.shape.num_elements() for variable in signature.variables),
        signature=signature,
        model=model,
    )


def _lengths(shape: Any) -> tuple[int | None, ...]:
    return () if shape.rank is None else tuple(shape.as_list())


def _nodes(tf: Any, graph: Any) -> Iterator[Node]:
    """The operators of a graph and of the functions that it reaches, each function once."""
    functions = {function.signature.name: function for function in graph.library.function}
    waiting, seen = [graph.node], set()
    while waiting:
        for node in waiting.pop(0):
            for attribute in node.attr.values():
                called = attribute.func.name
                if called in functions and called not in seen:
                    seen.add(called)
                    waiting.append(functions[called].node_def)
            if node.op not in STRUCTURE:
                kinds = (attribute.type for attribute in node.attr.values() if attribute.type)
                yield Node(name=node.name, kind=node.op, types=frozenset(tf.as_dtype(kind).name for kind in kinds))

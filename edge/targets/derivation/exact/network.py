"""The ONNX graph under construction, and where in it each TFLite tensor stands.

Activations are float32 tensors that hold `code - zero_point`: whole numbers, exact below 2**24, for which zero padding
is the kernels' own padding. Of rank 4 they are NHWC or NCHW; whoever reads one says which it needs.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from edge.targets.derivation.exact.tensors import values_of
from edge.tflite import Graph

Layout = Literal["NHWC", "NCHW"]
ORDERS: dict[Layout, tuple[int, ...]] = {"NHWC": (0, 2, 3, 1), "NCHW": (0, 3, 1, 2)}  # from the other one to this
FLOAT_LIMIT = 2**24  # whole numbers below it, and sums of them that stay below it in any order, are exact in float32


class Network:
    def __init__(self, source: Graph) -> None:
        self.source = source
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._places: dict[tuple[int, Layout], str] = {}

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of one output; returns the output's name."""
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def constant(self, value: Any, dtype: Any) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(
            numpy_helper.from_array(np.ascontiguousarray(value, dtype).reshape(np.shape(value)), name)
        )
        return name

    def weights(self, codes: NDArray[Any], to: int = TensorProto.FLOAT) -> str:
        """Weights kept as the integers that they are: runtimes turn them into floats once, when they load the file."""
        return self.node("Cast", self.constant(codes, codes.dtype), to=to)

    def read(self, index: int, layout: Layout = "NHWC") -> str:
        """The ONNX tensor of the TFLite tensor `index`, in `layout` where it has rank 4."""
        if not any((index, each) in self._places for each in ORDERS):
            self._load(index)
        if (index, layout) not in self._places:
            other: Layout = "NCHW" if layout == "NHWC" else "NHWC"
            self._places[index, layout] = self.node("Transpose", self._places[index, other], perm=ORDERS[layout])
        return self._places[index, layout]

    def write(self, index: int, name: str, layout: Layout = "NHWC") -> None:
        """Say that the TFLite tensor `index` is the ONNX tensor `name`; in any layout where its rank is not 4."""
        layouts = [layout] if len(self.source.tensors[index].shape) == 4 else list(ORDERS)
        self._places.update({(index, each): name for each in layouts})

    def layout(self, *indices: int) -> Layout:
        """The layout that spares most work: NCHW where one of the tensors stands in it already."""
        return "NCHW" if any((index, "NCHW") in self._places for index in indices) else "NHWC"

    def _load(self, index: int) -> None:
        tensor = self.source.tensors[index]
        centred = values_of(tensor).astype(np.float32) - np.float32(tensor.zero_points[0])
        self.write(index, self.constant(centred, np.float32))

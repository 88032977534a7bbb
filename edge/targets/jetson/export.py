"""The ONNX that a board's TensorRT is given, derived from a TFLite form."""

from dataclasses import dataclass
from pathlib import Path

from onnx import ModelProto, TensorProto

from edge.boards import Board
from edge.targets.derivation.tflite_import import OPSET
from edge.targets.derivation.twins import tensorrt_twin
from edge.targets.jetson.dla import dla_cores
from edge.targets.jetson.releases import version_of

OLDER_OPSET = 13  # TensorRT 8: the first with axes for QuantizeLinear, and long supported by then
FIRST_WITH_UINT8_INPUT = (8, 5)  # onnx-tensorrt, docs/Changelog.md
FIRST_WITH_OPSET_17 = (9,)


@dataclass(frozen=True, kw_only=True)
class Export:
    """`model` reads uint8; `float_input_model`, where there is one, is the same network reading float32."""

    model: ModelProto
    float_input_model: ModelProto | None

    @property
    def engine_model(self) -> ModelProto:
        """What the board's engine is built from."""
        return self.model if self.float_input_model is None else self.float_input_model


def export_for(form: Path, board: Board | None) -> Export:
    """Derive the ONNX of the TFLite `form`: opset 17 and any batch, or what the board needs.

    Opset 13 for TensorRT 8; a batch of one for boards with a DLA, which takes no free dimension.
    Raises as `import_tflite`.
    """
    old = board is not None and version_of(board) < FIRST_WITH_OPSET_17
    model = tensorrt_twin(form, opset=OLDER_OPSET if old else OPSET, any_batch=not dla_cores(board))
    needs_float = board is not None and version_of(board) < FIRST_WITH_UINT8_INPUT
    return Export(model=model, float_input_model=_reading_float(model) if needs_float else None)


def _reading_float(model: ModelProto) -> ModelProto:
    """A copy of `model` whose input is float32: its first Cast then changes nothing, or makes float16."""
    copy = ModelProto()
    copy.CopyFrom(model)
    copy.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT
    return copy

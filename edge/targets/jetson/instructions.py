"""What travels with the ONNX file: the program that builds an engine on the device, and DEVICE.md, which says how."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from onnx import ModelProto, TensorProto

from edge.boards import Board, boards_of
from edge.device.accelerators import build_engine
from edge.device.accelerators.trtexec import trtexec_command
from edge.device.files import write_bytes
from edge.targets.jetson.dla import dla_cores
from edge.targets.jetson.releases import version_of

BUILDER = Path(str(build_engine.__file__))  # which the device's runner holds, too
INSTRUCTIONS = "DEVICE.md"
LARGEST_BATCH = 8  # in the examples


def write_builder(folder: Path, model: ModelProto, file: str, board: Board | None) -> None:
    """Write `build_engine.py` and `DEVICE.md` for `model`, the ONNX that stands in `file`, for one board or all."""
    shutil.copyfile(BUILDER, folder / BUILDER.name)
    boards = list(boards_of("jetson").values()) if board is None else [board]
    write_bytes(folder / INSTRUCTIONS, device_page(model, file, boards).encode())


def device_page(model: ModelProto, file: str, boards: Sequence[Board]) -> str:
    """DEVICE.md: the commands on the device, and those of trtexec for each board."""
    kind = TensorProto.DataType.Name(model.graph.input[0].type.tensor_type.elem_type).lower()
    shape = [each.dim_param or str(each.dim_value) for each in model.graph.input[0].type.tensor_type.shape.dim]
    free = not model.graph.input[0].type.tensor_type.shape.dim[0].dim_value
    value, output = model.graph.input[0].name, model.graph.output[0].name
    batches = f" --max-batch {LARGEST_BATCH}" if free else ""
    page = f"""# {file} on a Jetson

Input `{value}`: {kind} [{", ".join(shape)}], raw pixels 0 to 255, channels first. Output `{output}`:
float32 logits. contract.json says how pictures are decoded and resized.

An engine fits one TensorRT version and one GPU: build it on the device, and again after each update of JetPack.

    python3 build_engine.py --onnx {file}{batches}

The engine's name tells the TensorRT version and the GPU. The first build takes minutes; `timing.*.cache` makes the
next one quick. Afterwards compare the engine's answers with golden.npz before it serves anyone: nothing here has run
on a board.

The same with trtexec (in /usr/src/tensorrt/bin):

"""
    return page + "\n".join(line for board in boards for line in _about(board, model, file))


def trtexec(board: Board, model: ModelProto, file: str, *, dla: bool = False) -> list[str]:
    """The arguments of trtexec that build the engine of `file` on `board`, on its GPU or a DLA core."""
    tensorrt = board.word("tensorrt")
    return trtexec_command(
        "trtexec",
        version_of(board),
        onnx=file,
        engine=f"{Path(file).stem}.trt{tensorrt}{'.dla' if dla else ''}.engine",
        cache=f"timing.trt{tensorrt}.cache",
        quantized=any(node.op_type == "QuantizeLinear" for node in model.graph.node),
        half=any(tensor.data_type == TensorProto.FLOAT16 for tensor in model.graph.initializer),
        dla=dla,
        shapes=_shapes(model),
    )


def _shapes(model: ModelProto) -> list[str]:
    value = model.graph.input[0]
    first, *rest = value.type.tensor_type.shape.dim
    if first.dim_value:
        return []
    sizes = "x".join(str(each.dim_value) for each in rest)
    batches = (("min", 1), ("opt", LARGEST_BATCH), ("max", LARGEST_BATCH))
    return [f"--{name}Shapes={value.name}:{batch}x{sizes}" for name, batch in batches]


def _about(board: Board, model: ModelProto, file: str) -> list[str]:
    facts = ", ".join(f"{word} {board.word(key)}" for key, word in FACTS.items())
    lines = [f"## {board.title}", "", f"{facts}.", ""]
    quantized = any(node.op_type == "QuantizeLinear" for node in model.graph.node)
    if quantized and not board.number("int8"):
        return [*lines, "Its GPU has no int8 arithmetic: export with a board of this name to get float16.", ""]
    if model.graph.input[0].type.tensor_type.elem_type == TensorProto.UINT8 and version_of(board) < (8, 5):
        return [*lines, "Its TensorRT takes no uint8 input: export with a board of this name.", ""]
    lines += ["    " + " \\\n        ".join(trtexec(board, model, file)), ""]
    if dla_cores(board) and not quantized:
        lines += ["On a DLA core, with the GPU for what it lacks:", ""]
        lines += ["    " + " \\\n        ".join(trtexec(board, model, file, dla=True)), ""]
    return lines


FACTS = {"jetpack": "JetPack", "cuda": "CUDA", "tensorrt": "TensorRT", "compute_capability": "compute capability"}

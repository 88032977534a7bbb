"""Jetson and other TensorRT devices: explicitly quantized ONNX, from which the device builds its own engine.

An engine fits one TensorRT version and one GPU, so the ONNX file is what travels, with the program that builds the
engine. Its input is NCHW. Nothing here has run on a board: the rules are TensorRT's published ones, the answers ONNX
Runtime's.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.boards import Board
from edge.device.contract import ModelFile
from edge.device.errors import ConversionFailed
from edge.device.files import sha256_of
from edge.runtimes import open_runtime
from edge.target import Artifact, Finding, PlacedOperator, Precision, Verdict
from edge.targets.acceptance import asymmetric, check_pictures, precision_of, require_fitting
from edge.tflite import Graph, Operator, read_graph

RUNGS: tuple[Precision, ...] = ("int8-ptq", "int8-qat", "int8-selective", "float16", "float32")
ONNX, FLOAT_INPUT_ONNX = "model.onnx", "model.float-input.onnx"


def check(model: Path, board: Board | None) -> Verdict:
    """What TensorRT says of an ONNX file (`*.onnx`), or of the ONNX that is derived from a TFLite file.

    Raises BadModel where the file is neither.
    """
    # Here, not above: a command line that is asked about another target need not load onnx.
    from edge.onnx_file import read_onnx
    from edge.targets.jetson.checking import verdict_on
    from edge.targets.jetson.export import export_for

    if model.suffix.lower() == ".onnx":
        return verdict_on(read_onnx(model), board)
    graph = read_graph(model)
    obstacles = [*check_pictures(graph), *integer_activations(graph)]
    if obstacles:
        return _not_derived(graph, board, "; ".join(map(str, obstacles)))
    try:
        export = export_for(model, board)
    except ConversionFailed as error:
        return _not_derived(graph, board, str(error))
    return verdict_on(export.engine_model, board, recentred_activations(graph))


def recentred_activations(graph: Graph) -> list[Finding]:
    """A warning where activations have zero points that TensorRT does not take."""
    moved = asymmetric(graph)
    if not moved:
        return []
    reason = f"{len(moved)} tensors have a zero point other than 0; they get symmetric scales, up to twice as coarse"
    fix = "train with quantize.aware = true to keep the answers"
    return [Finding(severity="warning", operator="activations", reason=reason, fix=fix)]


def integer_activations(graph: Graph) -> list[Finding]:
    """A refusal where activations are int16 or uint8, which no TensorRT computes in."""
    if any(tensor.dtype == "INT16" for tensor in graph.tensors):
        fix = "take int8, or float16 where int8 loses too much"
        return [Finding(severity="refused", operator="activations", reason="are int16", fix=fix)]
    if any(_computes_in_uint8(graph, operator) for operator in graph.operators):
        reason, fix = "are uint8, as older converters made them", "convert the network again to int8"
        return [Finding(severity="refused", operator="activations", reason=reason, fix=fix)]
    return []


def _computes_in_uint8(graph: Graph, operator: Operator) -> bool:
    """Whether it makes uint8 of uint8 weights: a uint8 input or output alone is no sign of it."""
    weights = (graph.tensors[index] for index in operator.inputs if index >= 0 and graph.tensors[index].constant)
    quantized = any(tensor.dtype == "UINT8" and tensor.scales for tensor in weights)
    return quantized and any(graph.tensors[index].dtype == "UINT8" for index in operator.outputs)


def convert(model: Path, board: Board | None, folder: Path) -> Artifact:
    """Write `model.onnx` (uint8 NCHW in, float32 logits out), `build_engine.py`, `DEVICE.md`.

    int8: QuantizeLinear and DequantizeLinear with zero point 0 around every operator, weights in int8 per channel,
    biases in float32. int8-selective: the layers left float compute in float16. float16: all arithmetic in float16.
    For a TensorRT that takes no uint8 input, `model.float-input.onnx` is the same network reading float32.
    Raises BadModel where `check` refuses the model, ConversionFailed where no ONNX can be derived from it.
    """
    from edge.targets.derivation.twins import save_model
    from edge.targets.jetson.checking import verdict_on
    from edge.targets.jetson.export import export_for
    from edge.targets.jetson.instructions import write_builder

    graph = read_graph(model)
    place = None if board is None else board.name
    obstacles = Verdict(target="jetson", board=place, operators=(), findings=tuple(integer_activations(graph)))
    require_fitting(model, graph, obstacles)
    export = export_for(model, board)
    require_fitting(model, graph, verdict_on(export.engine_model, board))
    save_model(export.model, folder / ONNX)
    files = [ModelFile(file=ONNX, sha256=sha256_of(folder / ONNX), runtimes=("onnxruntime",))]
    if export.float_input_model is not None:
        save_model(export.float_input_model, folder / FLOAT_INPUT_ONNX)
        files.append(ModelFile(file=FLOAT_INPUT_ONNX, sha256=sha256_of(folder / FLOAT_INPUT_ONNX), runtimes=()))
    write_builder(folder, export.engine_model, files[-1].file, board)
    precision = precision_of(graph)
    return Artifact(folder=folder, target="jetson", precision=precision, layout="NCHW", files=tuple(files))


def run(artifact: Artifact, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits, float32 [n, labels], of uint8 [n, h, w, c] (turned to NCHW here), from ONNX Runtime."""
    return open_runtime("onnxruntime", artifact.folder / ONNX, layout="NCHW").run(batch)


def _not_derived(graph: Graph, board: Board | None, why: str) -> Verdict:
    """The verdict on a TFLite file without ONNX: nobody has asked TensorRT about its operators."""
    operators = tuple(
        PlacedOperator(index=each.index, name=each.name, placement="uncertain", reason="no ONNX was derived")
        for each in graph.operators
    )
    finding = Finding(
        severity="refused",
        operator="derivation",
        reason=f"Edgewise derives no ONNX from this file, and TensorRT reads no TFLite: {why}",
        fix="export the network to ONNX yourself, and check that file",
    )
    return Verdict(target="jetson", board=board.name if board else None, operators=operators, findings=(finding,))

"""Jetson and other TensorRT devices: explicit int8 ONNX, from which the device builds its own engine.

An engine fits one TensorRT version and one GPU, so the ONNX file is what travels. Its input is NCHW.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.boards import Board
from edge.device.contract import ModelFile
from edge.device.errors import ConversionFailed
from edge.device.files import sha256_of
from edge.device.runtimes import open_runtime
from edge.target import Artifact, Finding, PlacedOperator, Precision, Verdict
from edge.targets.acceptance import asymmetric, precision_of, require_fitting
from edge.tflite import Graph, read_graph

RUNGS: tuple[Precision, ...] = ("int8-ptq", "int8-qat", "float16", "float32")
ONNX = "model.onnx"


def check(model: Path, board: Board | None) -> Verdict:
    """What speaks against the TFLite file `model` on TensorRT; its ONNX is checked when `convert` has derived it.

    Raises BadModel where the file is no TFLite model.
    """
    graph = read_graph(model)
    operators = tuple(
        PlacedOperator(index=each.index, name=each.name, placement="accelerator") for each in graph.operators
    )
    findings = tuple(recentred_activations(graph))
    return Verdict(target="jetson", board=board.name if board else None, operators=operators, findings=findings)


def recentred_activations(graph: Graph) -> list[Finding]:
    """A warning where activations have zero points that TensorRT does not take."""
    moved = asymmetric(graph)
    if not moved:
        return []
    reason = f"{len(moved)} tensors have a zero point other than 0; they get symmetric scales, up to twice as coarse"
    fix = "train with quantize.aware = true to keep the answers"
    return [Finding(severity="warning", operator="activations", reason=reason, fix=fix)]


def convert(model: Path, board: Board | None, folder: Path) -> Artifact:
    """Write `model.onnx`: opset 17, uint8 NCHW [batch, c, h, w] in, float32 logits out.

    int8: QuantizeLinear and DequantizeLinear with zero point 0 around every operator, weights in int8 per channel,
    biases in float32. float16: arithmetic in float16. Raises ConversionFailed where TensorRT's rules are broken.
    """
    from edge.targets.derivation.twins import save_model, tensorrt_twin
    from edge.targets.tensorrt_rules import check_onnx

    graph = read_graph(model)
    require_fitting(model, graph, check(model, board))
    derived = tensorrt_twin(model)
    refused = [finding for finding in check_onnx(derived) if finding.severity == "refused"]
    if refused:
        raise ConversionFailed(f"{model}: TensorRT would refuse its ONNX: {'; '.join(map(str, refused))}")
    save_model(derived, folder / ONNX)
    file = ModelFile(file=ONNX, sha256=sha256_of(folder / ONNX), runtimes=("onnxruntime",))
    return Artifact(folder=folder, target="jetson", precision=precision_of(graph), layout="NCHW", files=(file,))


def run(artifact: Artifact, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits, float32 [n, labels], of uint8 [n, h, w, c] (turned to NCHW here), from ONNX Runtime."""
    return open_runtime("onnxruntime", artifact.folder / ONNX, layout="NCHW").run(batch)

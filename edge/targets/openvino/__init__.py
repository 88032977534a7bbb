"""OpenVINO's intermediate representation, for Intel CPUs, GPUs and NPUs (the heirs of Movidius).

It is derived through ONNX with channels first and uint8 activations. Of the ways that were measured (OpenVINO 2026.4 on
an AVX512-VNNI core, MobileNetV2 at 160 pixels) this is the one in which every layer is executed in int8: 3.0 ms a
picture; read straight from TFLite, depthwise layers run in float, 4.7 ms; with channels last, the first layer does,
4.9 ms. The answers are the same in all three. Batch one: OpenVINO's NPU plugin takes static shapes alone.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.boards import Board
from edge.device.contract import ModelFile
from edge.device.errors import ConversionFailed, Unavailable
from edge.device.files import sha256_of, write_bytes
from edge.runtimes import open_runtime
from edge.target import Artifact, Finding, Precision, Verdict
from edge.targets.acceptance import precision_of, require_fitting
from edge.targets.openvino.execution import executed_precisions
from edge.targets.openvino.instructions import device_page
from edge.targets.openvino.questions import ask
from edge.tflite import read_graph

RUNGS: tuple[Precision, ...] = ("int8-ptq", "int8-qat", "float16", "float32")
MODEL, WEIGHTS, INSTRUCTIONS = "model.xml", "model.bin", "DEVICE.md"
INT8 = frozenset({"i8", "u8"})


def check(model: Path, board: Board | None) -> Verdict:
    """Which operators of a TFLite or ONNX file (`*.onnx`) OpenVINO reads, and the plugins of this host execute.

    Raises BadModel where the file is neither, Unavailable where openvino is missing.
    """
    operators, findings = ask(model)
    return Verdict(
        target="openvino",
        board=board.name if board else None,
        operators=operators,
        findings=findings,
        estimates={"flash_bytes": model.stat().st_size},
    )


def convert(model: Path, board: Board | None, folder: Path) -> Artifact:
    """Write `model.xml` and `model.bin`, uint8 NCHW [1, c, h, w] in and float32 logits out, and `DEVICE.md`.

    float16: weights in float16. `figures` count the layers with weights, and those that this host executes in int8.
    Raises BadModel where `check` refuses the model, ConversionFailed where ONNX or OpenVINO does.
    """
    graph = read_graph(model)
    require_fitting(model, graph, check(model, board))
    precision = precision_of(graph)
    write_representation(model, folder, half=precision == "float16")
    layers = executed_precisions(folder / MODEL)
    in_int8 = sum(each.precision in INT8 for each in layers)
    write_bytes(folder / INSTRUCTIONS, device_page(MODEL, precision).encode())
    findings = (_in_float(len(layers) - in_int8, len(layers)),) if precision.startswith("int8") else ()
    return Artifact(
        folder=folder,
        target="openvino",
        precision=precision,
        layout="NCHW",
        files=(
            ModelFile(file=MODEL, sha256=sha256_of(folder / MODEL), runtimes=("openvino",)),
            ModelFile(file=WEIGHTS, sha256=sha256_of(folder / WEIGHTS), runtimes=()),
        ),
        findings=tuple(finding for finding in findings if finding is not None),
        figures={"weighted_layers": len(layers), "int8_layers": in_int8},
    )


def write_representation(model: Path, folder: Path, *, half: bool) -> None:
    """Write `model.xml` and `model.bin` of the TFLite file `model` into `folder`, weights in float16 with `half`.

    Raises ConversionFailed where ONNX or OpenVINO refuses it, Unavailable where openvino is missing.
    """
    try:
        import openvino
    except ImportError:
        raise Unavailable("the package openvino is missing; pip install openvino") from None
    from edge.targets.derivation.twins import cpu_twin

    twin = cpu_twin(model, channels_first=True)
    for value in (*twin.graph.input, *twin.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    try:
        read = openvino.Core().read_model(twin.SerializeToString())
        openvino.save_model(read, folder / MODEL, compress_to_fp16=half)
    except (RuntimeError, ValueError) as error:
        raise ConversionFailed(f"{model}: OpenVINO refuses its ONNX: {str(error).strip().splitlines()[-1]}") from error


def run(artifact: Artifact, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits, float32 [n, labels], of uint8 [n, h, w, c] (turned to NCHW here), from OpenVINO's CPU plugin."""
    return open_runtime("openvino", artifact.folder / MODEL, layout=artifact.layout).run(batch)


def _in_float(floats: int, layers: int) -> Finding | None:
    if not floats:
        return None
    reason = f"{floats} of {layers} layers with weights are executed in float on this host, slower than in int8"
    fix = "look at the device's own figures with benchmark_app -pc"
    return Finding(severity="warning", operator="layers", reason=reason, fix=fix)

"""What a device must have to run an artefact: the packages of its proven runtimes, and the lowest versions that do."""

from pathlib import Path

from edge.device.bundle.description import Need
from edge.device.contract import Contract

# ONNX Runtime by the operator set that it was the first to take:
# https://onnxruntime.ai/docs/reference/compatibility.html
_ONNXRUNTIME = {
    13: "1.7",
    14: "1.8",
    15: "1.10",
    16: "1.11",
    17: "1.12",
    18: "1.14",
    19: "1.15",
    20: "1.17",
    21: "1.18",
}
_LITERT = "1.0.1"  # the first that was called so
_OPENVINO = "2022.1"  # the first to read IR version 11
_TENSORRT = "8.2"  # the oldest that the artefact's engine builder is written for
_TFLITE_RUNTIME = "2.5.0"  # Coral's own, https://coral.ai/software/


def needs_of(folder: Path, contract: Contract) -> tuple[Need, ...]:
    """One for each runtime that may run the artefact in `folder` on a device, of which it needs one."""
    found = []
    for model in contract.files:
        for runtime in model.runtimes:
            if runtime in ("litert", "litert-reference"):
                found.append(Need(runtime=runtime, package="ai-edge-litert", version=_LITERT))
            elif runtime == "onnxruntime":
                found.append(Need(runtime=runtime, package="onnxruntime", version=_for_opset(folder / model.file)))
            elif runtime == "openvino":
                found.append(Need(runtime=runtime, package="openvino", version=_OPENVINO))
    if contract.target == "coral":
        found.append(Need(runtime="litert-edgetpu", package="tflite-runtime", version=_TFLITE_RUNTIME))
    if contract.target == "jetson":
        found.append(Need(runtime="tensorrt", package="tensorrt", version=_TENSORRT))
    return tuple(dict.fromkeys(found))


def _for_opset(file: Path) -> str:
    from edge.onnx_file import read_onnx  # the package onnx, which only these need

    opset = max(each.version for each in read_onnx(file).opset_import if each.domain in ("", "ai.onnx"))
    return _ONNXRUNTIME[min(max(opset, min(_ONNXRUNTIME)), max(_ONNXRUNTIME))]

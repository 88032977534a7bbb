"""In which precision OpenVINO's CPU plugin executes the layers of a model.

Source: the execution graph's `layerType` and `runtimePrecision`,
https://docs.openvino.ai/2024/api/c_cpp_api/group__ov__dev__exec__model.html
"""

from dataclasses import dataclass
from pathlib import Path

WEIGHTED = frozenset({"Convolution", "Deconvolution", "FullyConnected", "MatMul"})


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer with weights, as the CPU plugin executes it; `precision` in OpenVINO's words: "u8", "i8", "f32"."""

    name: str
    kind: str  # e.g. "Convolution"
    precision: str


def executed_precisions(model: Path) -> tuple[Layer, ...]:
    """The layers with weights of the IR `model` (.xml), compiled for this host's CPU, in the order of execution."""
    import openvino

    settings = {"INFERENCE_PRECISION_HINT": "f32"}  # as edge.device.runtimes has it; int8 is not touched by this
    compiled = openvino.Core().compile_model(model, "CPU", settings)
    layers = []
    for node in compiled.get_runtime_model().get_ordered_ops():
        facts = node.get_rt_info()
        kind = facts["layerType"].astype(str)
        if kind in WEIGHTED:
            precision = facts["runtimePrecision"].astype(str)
            layers.append(Layer(name=node.get_friendly_name(), kind=kind, precision=precision))
    return tuple(layers)

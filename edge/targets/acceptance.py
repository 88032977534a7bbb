"""What every target asks of a TFLite form before it converts it: bytes in, one row of scores out."""

from pathlib import Path

from edge.device.errors import BadModel
from edge.target import Finding, Precision, Verdict
from edge.tflite import Graph, Tensor

CHANGES_OF_TYPE = frozenset({"QUANTIZE", "DEQUANTIZE", "CAST"})


def require_fitting(model: Path, graph: Graph, verdict: Verdict) -> None:
    """Raise BadModel unless the TFLite file `model` takes pictures and its target refuses nothing in it."""
    refusals = [*map(str, check_pictures(graph)), *verdict.refusals]
    if refusals:
        raise BadModel(f"{model}: not for {verdict.target}: {'; '.join(refusals)}")


def precision_of(graph: Graph) -> Precision:
    """The rung that a TFLite file stands on; aware training is told by its symmetric activations,
    selective precision by operators that give float."""
    if not graph.input.scales:
        return "float16" if any(tensor.dtype == "FLOAT16" for tensor in graph.tensors) else "float32"
    computing = (operator for operator in graph.operators if operator.name not in CHANGES_OF_TYPE)
    computed = {graph.tensors[index].dtype for operator in computing for index in operator.outputs}
    if "INT16" in computed:
        return "int16x8"
    if not asymmetric(graph):
        return "int8-qat"
    return "int8-selective" if "FLOAT32" in computed else "int8-ptq"


def asymmetric(graph: Graph) -> list[Tensor]:
    """The int8 activations whose zero point is not 0."""
    return [
        tensor
        for tensor in graph.tensors
        if not tensor.constant and tensor.dtype == "INT8" and any(point != 0 for point in tensor.zero_points)
    ]


def check_pictures(graph: Graph) -> list[Finding]:
    """Findings about the input, the output, dynamic shapes and operators that only their own author can run."""
    findings = []
    if len(graph.inputs) != 1 or graph.input.dtype != "UINT8" or len(graph.input.shape) != 4:
        findings.append(_refused("input", f"is {_described(graph, graph.inputs)}", "one uint8 [1, h, w, c]"))
    if len(graph.outputs) != 1 or graph.output.dtype not in ("UINT8", "FLOAT32") or len(graph.output.shape) != 2:
        findings.append(_refused("output", f"is {_described(graph, graph.outputs)}", "one [1, labels]"))
    if any(tensor.dynamic for tensor in graph.tensors):
        findings.append(_refused("shapes", "are known only when the model runs", "a batch of one"))
    findings += [
        _refused(str(operator), "is a custom operator", "TFLite's own operators")
        for operator in graph.operators
        if operator.name.startswith("CUSTOM:")
    ]
    return findings


def _described(graph: Graph, indices: tuple[int, ...]) -> str:
    return ", ".join(f"{graph.tensors[index].dtype} {list(graph.tensors[index].shape)}" for index in indices)


def _refused(operator: str, reason: str, expected: str) -> Finding:
    return Finding(severity="refused", operator=operator, reason=reason, fix=f"convert the network with {expected}")

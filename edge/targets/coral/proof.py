"""Proof of a compiled file: one custom operator and the CPU rest, with the original's inputs and outputs."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from edge.device.errors import BadModel, ConversionFailed
from edge.target import Finding
from edge.targets.coral.compiler import Log
from edge.targets.coral.package import read_package
from edge.targets.coral.prediction import Prediction
from edge.tflite import Graph, Tensor, read_graph

CUSTOM_OPERATOR = "CUSTOM:edgetpu-custom-op"
AGREES = 0.2  # of the bytes


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """What was read out of a compiled file, from its package where that can be read, else from the log."""

    left: Counter[str]  # names of the operators on the CPU; "CUSTOM" for any custom one, as in the log
    mapped_count: int
    cached_bytes: int
    streamed_bytes: int


def prove_compiled(original: Graph, path: Path, log: Log) -> Compiled:
    """The facts of the compiled file `path`, made of `original`.

    Raises ConversionFailed where it is no TFLite file, holds no custom operator of the Edge TPU or several, has other
    inputs or outputs, or leaves other operators on the CPU than `log` says.
    """
    try:
        compiled = read_graph(path)
    except BadModel as error:
        raise ConversionFailed(f"compiled file: {error}") from None
    accelerated = [operator for operator in compiled.operators if operator.name == CUSTOM_OPERATOR]
    if len(accelerated) != 1:
        said = "; ".join(map(str, log.left)) or "its log names no operator"
        raise ConversionFailed(f"compiled file: {len(accelerated)} edgetpu-custom-op, expected 1 ({said})")
    _require_same("inputs", _ports(original, original.inputs), _ports(compiled, compiled.inputs))
    _require_same("outputs", _ports(original, original.outputs), _ports(compiled, compiled.outputs))
    left = Counter(_logged(operator.name) for operator in compiled.operators if operator.name != CUSTOM_OPERATOR)
    said_left: Counter[str] = Counter()
    for row in log.left:
        said_left[row.name] += row.count
    if log.rows and left != said_left:
        raise ConversionFailed(f"compiled file: {dict(left)} on the CPU, but its log says {dict(said_left)}")
    cached, streamed = _parameters(accelerated[0].custom_options, log)
    mapped = log.mapped_count if log.rows else len(original.operators) - left.total()
    return Compiled(left=left, mapped_count=mapped, cached_bytes=cached, streamed_bytes=streamed)


def compare(prediction: Prediction, estimated_bytes: int, compiled: Compiled, log: Log) -> list[Finding]:
    """A warning for each thing in which the compiler did not do what was predicted."""
    predicted = Counter(_logged(each.name) for each in prediction.operators if each.placement == "cpu")
    warnings = []
    if predicted != compiled.left:
        said = "; ".join(map(str, log.left)) or "nothing left"
        reason = f"the compiler left {dict(compiled.left)} on the CPU, {dict(predicted)} were predicted ({said})"
        warnings.append(Finding(severity="warning", operator="mapping", reason=reason))
    actual = compiled.cached_bytes + compiled.streamed_bytes
    if abs(estimated_bytes - actual) > AGREES * actual:
        reason = f"{actual:,} bytes of parameters in the compiled file, {estimated_bytes:,} were estimated"
        warnings.append(Finding(severity="warning", operator="on-chip memory", reason=reason))
    return warnings


def _require_same(kind: str, before: list[str], after: list[str]) -> None:
    if before != after:
        raise ConversionFailed(f"compiled file: {kind} {after}, expected {before} as in the original")


def _ports(graph: Graph, indices: tuple[int, ...]) -> list[str]:
    return [_port(graph.tensors[index]) for index in indices]


def _port(tensor: Tensor) -> str:
    scale = (
        f" scale {tensor.scales[0]:.6g} zero {tensor.zero_points[0]}" if tensor.scales and tensor.zero_points else ""
    )
    return f"{tensor.dtype} {list(tensor.shape)}{scale}"


def _logged(name: str) -> str:
    return "CUSTOM" if name.startswith("CUSTOM:") else name


def _parameters(custom_options: bytes, log: Log) -> tuple[int, int]:
    try:
        package = read_package(custom_options)
    except BadModel as error:
        if log.cached_bytes is None:
            raise ConversionFailed(f"compiled file: {error}") from None
        return log.cached_bytes, log.streamed_bytes or 0
    return package.cached_bytes, package.streamed_bytes

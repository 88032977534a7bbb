"""NVIDIA's own ONNX parser, where the optional wheels of TensorRT-RTX are installed: pip install tensorrt-rtx.

TensorRT-RTX is the TensorRT of GeForce cards; its parser is built from the same sources as that of TensorRT 11 and
parses without a GPU. What the static rules say of TensorRT 8 and 10 it cannot confirm.
"""

from importlib import import_module
from typing import Any

from onnx import ModelProto

from edge.onnx_file import external_tensors
from edge.target import Finding

PACKAGE = "tensorrt-rtx"
SHOWN = 5  # errors: one often brings others along


def ask_parser(model: ModelProto) -> list[Finding]:
    """What the parser refuses in `model`, or a note why it could not be asked."""
    try:
        tensorrt = import_module("tensorrt_rtx")
    except (ImportError, OSError) as error:  # OSError: a library that the wheel loads is missing
        reason = f"not confirmed by NVIDIA's parser: {PACKAGE} cannot be imported ({_line(error)})"
        return [Finding(severity="note", operator="parser", reason=reason, fix=f"pip install {PACKAGE}")]
    if external_tensors(model):
        reason = "not confirmed by NVIDIA's parser: weights stand outside the file"
        return [Finding(severity="note", operator="parser", reason=reason)]
    return _parsed(tensorrt, model)


def _parsed(tensorrt: Any, model: ModelProto) -> list[Finding]:
    class Silent(tensorrt.ILogger):  # type: ignore[misc]  # the package has no types
        def __init__(self) -> None:
            tensorrt.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            """The parser keeps its errors; standard error stays clean."""

    version, logger = f"TensorRT-RTX {tensorrt.__version__}", Silent()
    try:
        builder = tensorrt.Builder(logger)
    except (RuntimeError, TypeError) as error:  # how its bindings tell of a missing driver
        reason = f"not confirmed by NVIDIA's parser: {version} does not start here ({_line(error)})"
        return [Finding(severity="note", operator="parser", reason=reason)]
    network = builder.create_network(0)
    parser = tensorrt.OnnxParser(network, logger)
    if parser.parse(model.SerializeToString()):
        return [Finding(severity="note", operator="parser", reason=f"{version} parses it")]
    errors = [parser.get_error(index) for index in range(min(parser.num_errors, SHOWN))]
    found = [_refusal(version, f"{error.node_operator()} {error.node_name()}", _line(error.desc())) for error in errors]
    return found or [_refusal(version, "", "it does not parse, and the parser says no reason")]


def _refusal(version: str, operator: str, words: str) -> Finding:
    """Uncertain, since what this parser refuses another release may take."""
    return Finding(severity="uncertain", operator=operator.strip() or "parser", reason=f"{version} refuses it: {words}")


def _line(error: object) -> str:
    lines = str(error).strip().splitlines()
    return " ".join(lines[:2]) or "no reason given"  # the second says what was wrong

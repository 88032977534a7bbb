"""The table of kernels, held against TFLite Micro itself: a model of one operator for each type."""

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tflite_micro import runtime

from edge.targets.mcu.kernels import known_kernels, place
from edge.tflite import parse_graph

UNARY = ("ABS", "CEIL", "ELU", "EXP", "FLOOR", "HARD_SWISH", "LOG", "NEG", "RELU", "ROUND", "RSQRT", "SIN", "SQUARE")
BINARY = ("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "SQUARED_DIFFERENCE", "PRELU", "FLOOR_DIV")
OPTIONS = {"ADD": "Add", "SUB": "Sub", "MUL": "Mul", "DIV": "Div"}
TYPES = ("FLOAT32", "INT8", "INT16", "UINT8")


@pytest.mark.parametrize("operator", [*UNARY, *BINARY])
def test_types_are_those_that_tflite_micro_prepares_and_runs(operator):
    known = known_kernels().by_name[operator].types
    ran = {kind for kind in TYPES if runs(operator, kind, 1 if operator in UNARY else 2)}
    assert ran == known & set(TYPES)


@pytest.mark.parametrize("operator", ["TILE", "POW", "GELU", "ATAN2", "SELECT", "CONV_3D"])
def test_operators_not_in_the_table_have_no_kernel(operator, capfd):
    assert operator not in known_kernels().by_name
    assert not runs(operator, "FLOAT32", 2)
    assert "Didn't find op" in capfd.readouterr().err


def test_operator_with_float_kernels_alone_is_refused_with_a_way_to_int8():
    (placed,) = place(parse_graph(single("EXP", "INT8", 1), "exp"))
    assert placed.placement == "refused"
    assert placed.reason == "no kernel for INT8, there are FLOAT32; use a layer that has an int8 kernel"


def runs(operator, kind, inputs):
    """Whether TFLite Micro runs a model of this one operator on ones of the type `kind`."""
    model = single(operator, kind, inputs)
    try:
        interpreter = runtime.Interpreter.from_bytes(model, arena_size=1 << 16)
        for index in range(inputs):
            details = interpreter.get_input_details(index)
            interpreter.set_input(np.ones(details["shape"], details["dtype"]), index)
        interpreter.invoke()
    except RuntimeError:
        return False
    return True


def single(operator, kind, inputs):
    """A TFLite model of one operator on tensors [1, 4], all of one type and scale."""
    graph = schema.SubGraphT()
    graph.tensors = [tensor(f"t{index}", kind) for index in range(inputs + 1)]
    graph.inputs, graph.outputs = list(range(inputs)), [inputs]
    node = schema.OperatorT()
    node.inputs, node.outputs = graph.inputs, graph.outputs
    if operator in OPTIONS:
        name = f"{OPTIONS[operator]}Options"
        node.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        node.builtinOptions = getattr(schema, f"{name}T")()
    graph.operators = [node]
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, operator)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = 1
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def tensor(name, kind):
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = name, [1, 4], getattr(schema.TensorType, kind), 0
    if kind != "FLOAT32":
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale, made.quantization.zeroPoint = [0.5], [0]
    return made

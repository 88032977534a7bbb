"""Each operator of the exact twin against LiteRT's reference kernel, in files of one operator made to be awkward."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edge.device.errors import ConversionFailed
from edge.device.runtimes import open_runtime
from edge.targets.derivation.exact import exact_twin
from edge.targets.derivation.twins import save_model

SAME, VALID = 0, 1
NONE, RELU, RELU6 = 0, 1, 3
INT8, UINT8, INT32 = schema.TensorType.INT8, schema.TensorType.UINT8, schema.TensorType.INT32
DTYPES = {np.dtype(np.int8): INT8, np.dtype(np.uint8): UINT8, np.dtype(np.int32): INT32}


class OneOperator:
    """A TFLite file: uint8 picture, QUANTIZE to int8, one operator, RESHAPE to [1, labels]."""

    def __init__(self, shape: tuple[int, ...], scale: float, zero_point: int) -> None:
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.buffers, self.model.operatorCodes = [schema.BufferT()], []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.subgraphs = [self.graph]
        picture = self.tensor(UINT8, shape, [scale], [zero_point + 128])
        self.codes = self.tensor(INT8, shape, [scale], [zero_point])
        self.operator("QUANTIZE", [picture], self.codes)
        self.graph.inputs = [picture]

    def tensor(self, dtype: int, shape: tuple[int, ...], scales: Any = (), zero_points: Any = (), axis: int = 0) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer, tensor.name = list(shape), dtype, 0, f"t{len(self.graph.tensors)}"
        tensor.quantization = schema.QuantizationParametersT()
        if len(scales):
            tensor.quantization.scale = np.asarray(scales, np.float32)
            tensor.quantization.zeroPoint = np.asarray(zero_points, np.int64)
            tensor.quantization.quantizedDimension = axis
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def constant(self, value: NDArray[Any], scales: Any = (), zero_points: Any = (), axis: int = 0) -> int:
        index = self.tensor(DTYPES[value.dtype], value.shape, scales, zero_points, axis)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(value.tobytes(), np.uint8)
        self.graph.tensors[index].buffer = len(self.model.buffers)
        self.model.buffers.append(buffer)
        return index

    def operator(self, name: str, inputs: list[int], output: int, options: Mapping[str, Any] | None = None) -> None:
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = len(self.model.operatorCodes), inputs, [output]
        self.model.operatorCodes.append(code)
        for kind, values in (options or {}).items():
            operator.builtinOptions = getattr(schema, f"{kind}OptionsT")()
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, f"{kind}Options")
            for key, value in values.items():
                setattr(operator.builtinOptions, key, value)
        self.graph.operators.append(operator)

    def save(self, file: Path, result: int) -> Path:
        tensor = self.graph.tensors[result]
        flat = (1, int(np.prod(tensor.shape)))
        scores = self.tensor(INT8, flat, tensor.quantization.scale, tensor.quantization.zeroPoint)
        self.operator("RESHAPE", [result, self.constant(np.array(flat, np.int32))], scores)
        self.graph.outputs = [scores]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), file_identifier=b"TFL3")
        file.write_bytes(bytes(builder.Output()))
        return file


def assert_equal_on(file: Path, pictures: NDArray[np.uint8]) -> None:
    save_model(exact_twin(file), file.with_suffix(".onnx"))
    expected = open_runtime("litert-reference", file).run(pictures)
    np.testing.assert_array_equal(open_runtime("onnxruntime", file.with_suffix(".onnx")).run(pictures), expected)
    assert len(np.unique(expected)) > 1, "the answers are all alike: this case compares nothing"


def pictures_of(shape: tuple[int, ...], count: int, seed: int) -> NDArray[np.uint8]:
    """Bytes at random, of any range: also pictures of 0 and 255 alone."""
    random = np.random.default_rng(seed)
    mixed = random.integers(0, 256, (count, *shape[1:]), np.uint8)
    return np.concatenate([mixed, random.choice(np.array([0, 255], np.uint8), mixed.shape)])


def windows(shape: tuple[int, ...], size: int, stride: int, dilation: int, padding: int) -> tuple[int, int]:
    """Height and width of the result."""
    reach = (size - 1) * dilation + 1
    height, width = (-(-(side if padding == SAME else side - reach + 1) // stride) for side in shape[1:3])
    return height, width


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize("kind", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_convolution_equals_reference_for_random_geometry_and_scales(kind: str, seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    shape = (1, int(random.integers(5, 12)), int(random.integers(5, 12)), int(random.integers(1, 5)))
    size, padding = int(random.integers(1, 4)), int(random.integers(2))
    stride, dilation = (int(random.integers(1, 3)), 1) if seed % 2 else (1, int(random.integers(1, 3)))
    channels = shape[3] * 2
    ratios = 2.0 ** random.integers(-9, -6, channels) if seed % 4 == 0 else random.uniform(0.0005, 0.02, channels)
    model = OneOperator(shape, 0.5, int(random.integers(-128, 128)))
    kernel = (channels, size, size, shape[3]) if kind == "CONV_2D" else (1, size, size, channels)
    weights = model.constant(
        random.integers(-127, 128, kernel).astype(np.int8),
        ratios * 0.5,
        np.zeros(channels, np.int64),
        0 if kind == "CONV_2D" else 3,
    )
    bias = model.constant(random.integers(-3000, 3000, channels).astype(np.int32), ratios / 4, np.zeros(channels))
    options = {
        "padding": padding, "strideH": stride, "strideW": stride, "dilationHFactor": dilation,
        "dilationWFactor": dilation, "fusedActivationFunction": [NONE, RELU, RELU6][seed % 3],
    }  # fmt: skip
    if kind == "DEPTHWISE_CONV_2D":
        options["depthMultiplier"] = 2
    result = model.tensor(
        INT8, (1, *windows(shape, size, stride, dilation, padding), channels), [0.25], [int(random.integers(-100, 100))]
    )
    name = "Conv2D" if kind == "CONV_2D" else "DepthwiseConv2D"
    model.operator(kind, [model.codes, weights, bias], result, {name: options})
    assert_equal_on(model.save(tmp_path / "model.tflite", result), pictures_of(shape, 40, seed))


@pytest.mark.parametrize("scale", [1.0, 0.037])
def test_convolution_equals_reference_where_sums_leave_float32(scale: float, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    shape, channels = (1, 4, 4, 256), 8
    model = OneOperator(shape, 1.0, -90)
    weights = model.constant(random.integers(100, 128, (channels, 3, 3, 256)).astype(np.int8), [scale], [0])
    bias = model.constant(random.integers(-(2**24), 0, channels).astype(np.int32), [scale], [0])
    result = model.tensor(INT8, (1, 4, 4, channels), [scale * 400000], [3])
    options = {"padding": SAME, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    model.operator("CONV_2D", [model.codes, weights, bias], result, {"Conv2D": options})
    file = model.save(tmp_path / "model.tflite", result)
    assert "ConvInteger" in {node.op_type for node in exact_twin(file).graph.node}
    assert_equal_on(file, pictures_of(shape, 30, 2))


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_dense_equals_reference_for_random_scales(seed: int, per_channel: bool, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    shape, units = (1, 3, 3, 4), 40
    model = OneOperator(shape, float(random.uniform(0.01, 1)), int(random.integers(-128, 128)))
    # Powers of two make ties, which the kernel rounds away from zero.
    ratios = 2.0 ** random.integers(-9, -5, units) if seed % 2 else random.uniform(0.0005, 0.02, units)
    scales = ratios if per_channel else ratios[:1]
    weights = model.constant(random.integers(-127, 128, (units, 36)).astype(np.int8), scales, np.zeros(len(scales)))
    bias = model.constant(random.integers(-3000, 3000, units).astype(np.int32))
    result = model.tensor(
        INT8, (1, units), model.graph.tensors[model.codes].quantization.scale, [int(random.integers(-90, 90))]
    )
    options = {"FullyConnected": {"fusedActivationFunction": [NONE, RELU][seed % 3 == 0]}}
    model.operator("FULLY_CONNECTED", [model.codes, weights, bias], result, options)
    assert_equal_on(model.save(tmp_path / "model.tflite", result), pictures_of(shape, 200, seed))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["ADD", "MUL"])
def test_sum_and_product_equal_reference_for_every_pair_of_codes(kind: str, seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    scales = 2.0 ** random.integers(-6, -3, 3) if seed % 3 == 0 else random.uniform(0.003, 0.1, 3)
    model = OneOperator((1, 16, 16, 1), scales[0], int(random.integers(-128, 128)))
    codes = np.arange(-128, 128).astype(np.int8).reshape(1, 1, 1, 256)
    other = model.constant(codes, scales[1:2], [int(random.integers(-128, 128))])
    result = model.tensor(INT8, (1, 16, 16, 256), scales[2:], [int(random.integers(-100, 100))])
    activation = {"fusedActivationFunction": [NONE, RELU, RELU6][seed % 3]}
    order = [model.codes, other] if seed % 2 else [other, model.codes]
    model.operator(kind, order, result, {kind.capitalize(): activation})
    assert_equal_on(
        model.save(tmp_path / "model.tflite", result), np.arange(256).astype(np.uint8).reshape(1, 16, 16, 1)
    )


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
def test_pooling_equals_reference_with_cut_windows_and_ties(kind: str, seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    shape = (1, int(random.integers(4, 9)), int(random.integers(4, 9)), 3)
    size, stride, padding = int(random.integers(1, 5)), int(random.integers(1, 4)), seed % 2
    scale, zero_point = 0.05, int(random.integers(-128, 128))
    model = OneOperator(shape, scale, zero_point)
    result = model.tensor(INT8, (1, *windows(shape, size, stride, 1, padding), 3), [scale], [zero_point])
    options = {
        "padding": padding, "strideH": stride, "strideW": stride, "filterHeight": size, "filterWidth": size,
        "fusedActivationFunction": [NONE, NONE, RELU6][seed % 3],
    }  # fmt: skip
    model.operator(kind, [model.codes], result, {"Pool2D": options})
    assert_equal_on(model.save(tmp_path / "model.tflite", result), pictures_of(shape, 60, seed))


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("side", [1, 3, 8, 13])
@pytest.mark.parametrize("ratio", [1.0, 0.31, 2.7])
def test_mean_equals_reference_for_any_number_of_pixels(ratio: float, side: int, keep: bool, tmp_path: Path) -> None:
    shape = (1, side, side, 64)
    model = OneOperator(shape, 0.1, -7)
    axes = model.constant(np.array([1, 2], np.int32))
    result = model.tensor(INT8, (1, 1, 1, 64) if keep else (1, 64), [0.1 * ratio], [5])
    model.operator("MEAN", [model.codes, axes], result, {"Reducer": {"keepDims": keep}})
    assert_equal_on(model.save(tmp_path / "model.tflite", result), pictures_of(shape, 100, side))


@pytest.mark.parametrize("kind", ["QUANTIZE", "RELU", "RELU6"])
@pytest.mark.parametrize("ratio", [0.02, 0.31, 0.5, 1.0, 2.0, 5.3])
def test_requantizing_equals_reference_for_every_code(kind: str, ratio: float, tmp_path: Path) -> None:
    model = OneOperator((1, 16, 16, 1), 0.1, -20)
    result = model.tensor(INT8, (1, 16, 16, 1), [0.1 / ratio], [11])
    model.operator(kind, [model.codes], result)
    assert_equal_on(
        model.save(tmp_path / "model.tflite", result), np.arange(256).astype(np.uint8).reshape(1, 16, 16, 1)
    )


def test_pad_and_concatenation_equal_reference(tmp_path: Path) -> None:
    model = OneOperator((1, 4, 5, 2), 0.1, -20)
    padded = model.tensor(INT8, (1, 7, 6, 2), [0.1], [-20])
    amounts = model.constant(np.array([[0, 0], [1, 2], [0, 1], [0, 0]], np.int32))
    model.operator("PAD", [model.codes, amounts], padded, {"Pad": {}})
    result = model.tensor(INT8, (1, 7, 6, 4), [0.1], [-20])
    model.operator("CONCATENATION", [padded, padded], result, {"Concatenation": {"axis": 3}})
    assert_equal_on(model.save(tmp_path / "model.tflite", result), pictures_of((1, 4, 5, 2), 5, 0))


def test_operator_is_refused_by_name_when_it_has_no_exact_onnx(tmp_path: Path) -> None:
    model = OneOperator((1, 4, 4, 1), 0.1, 0)
    result = model.tensor(INT8, (1, 4, 4, 1), [1 / 256], [-128])
    model.operator("LOGISTIC", [model.codes], result)
    with pytest.raises(ConversionFailed, match=r"LOGISTIC #1: .*the fast ONNX twin"):
        exact_twin(model.save(tmp_path / "model.tflite", result))


def test_concatenation_is_refused_when_scales_differ(tmp_path: Path) -> None:
    model = OneOperator((1, 4, 4, 1), 0.1, 0)
    result = model.tensor(INT8, (1, 4, 4, 2), [0.2], [0])
    model.operator("CONCATENATION", [model.codes, model.codes], result, {"Concatenation": {"axis": 3}})
    with pytest.raises(ConversionFailed, match="different scales"):
        exact_twin(model.save(tmp_path / "model.tflite", result))

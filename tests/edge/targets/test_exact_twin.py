"""The exact twin of whole networks: every logit equals LiteRT's reference kernels."""

import io
import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
import tf_keras as keras
from numpy.typing import NDArray
from PIL import Image

import models
from edge.device.errors import BadModel, ConversionFailed
from edge.device.runtimes import open_runtime
from edge.target import Precision
from edge.targets.derivation.exact import exact_twin
from edge.targets.derivation.twins import save_model
from pipeline.quantization.aware import quantization_aware
from pipeline.quantization.convert import to_tflite

NETWORKS = {
    "mlp": ((8, 8, 3), 1.0),
    "cnn": ((28, 28, 1), 1.0),
    "resnet8": ((32, 32, 3), 1.0),
    "mobilenet_v1": ((32, 32, 3), 0.25),
    "mobilenet_v2": ((32, 32, 3), 0.35),
}
COUNT = 300
SHARED = Path(__file__).parents[4] / "shared"

FileOf = Callable[[str, Precision], Path]


@pytest.fixture(scope="module")
def file_of(tmp_path_factory: pytest.TempPathFactory) -> FileOf:
    """The int8 TFLite file of a network whose activations spread over their codes."""
    folder = tmp_path_factory.mktemp("exact")

    @cache
    def file(name: str, precision: Precision) -> Path:
        shape, width = NETWORKS[name]
        pictures = pictures_of(shape, 64)
        core = lively(models.build(name, shape, 10, width=width), pictures)
        if precision == "int8-qat":
            core = quantization_aware(core, 1 / 128, 128)
            core(as_input(pictures), training=True)  # the ranges become this batch's
        content = to_tflite(core, precision, input_scale=1 / 128, input_zero_point=128, calibration=pictures)
        result = folder / f"{name}-{precision}.tflite"
        result.write_bytes(content)
        return result

    return file


def lively(core: keras.Model, pictures: NDArray[np.uint8]) -> keras.Model:
    """The network with random scales, shifts and biases, and BatchNorm statistics that `pictures` really have."""
    random = np.random.default_rng(3)
    for layer in core.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            size = layer.gamma.shape[0]
            layer.gamma.assign(random.uniform(0.5, 2, size))
            layer.beta.assign(random.normal(0, 0.5, size))
            layer.momentum = 0.0  # the statistics become the next batch's
        elif len(layer.get_weights()) == 2:
            weights, bias = layer.get_weights()
            layer.set_weights([weights, random.normal(0, 0.2, bias.shape)])
    core(as_input(pictures), training=True)
    return core


def as_input(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    return (pictures.astype(np.float32) - 128) / 128


def pictures_of(shape: tuple[int, int, int], count: int) -> NDArray[np.uint8]:
    """Half blocks of colour with noise, half bytes at random: uint8 [count, h, w, c]."""
    random = np.random.default_rng(5)
    height, width, channels = shape
    blocks = random.integers(0, 256, (count // 2, 4, 4, channels)).repeat(height // 4, 1).repeat(width // 4, 2)
    structured = np.clip(blocks + random.normal(0, 12, blocks.shape), 0, 255).astype(np.uint8)
    return np.concatenate([structured, random.integers(0, 256, (count - count // 2, *shape), np.uint8)])


def assert_equal_on(file: Path, pictures: NDArray[np.uint8]) -> None:
    save_model(exact_twin(file), file.with_suffix(".onnx"))
    expected = open_runtime("litert-reference", file).run(pictures)
    np.testing.assert_array_equal(open_runtime("onnxruntime", file.with_suffix(".onnx")).run(pictures), expected)
    assert len(np.unique(expected)) > 20, "the logits are nearly all alike: this case compares nothing"


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        *((name, "int8-ptq") for name in NETWORKS),
        *((name, "int8-qat") for name in NETWORKS if name != "mobilenet_v1"),  # v2 has all of its operators
    ],
)
def test_every_logit_equals_reference_kernels(name: str, precision: Precision, file_of: FileOf) -> None:
    assert_equal_on(file_of(name, precision), pictures_of(NETWORKS[name][0], COUNT))


def test_every_logit_equals_reference_kernels_on_a_trained_resnet(tmp_path: Path) -> None:
    weights, archive = SHARED / "weights/pretrainedResnet.h5", SHARED / "data/cifar10_small_jpg.tar.xz"
    if not (weights.is_file() and archive.is_file()):
        pytest.skip(f"{SHARED}: MLPerf Tiny's ResNet-8 and CIFAR-10 pictures are not there")
    pictures = jpegs(archive, COUNT)
    trained = keras.models.load_model(weights, compile=False)
    trained.layers[-1].activation = keras.activations.linear  # logits; the file ends in a softmax
    core = keras.models.clone_model(trained)
    core.set_weights(trained.get_weights())
    file = tmp_path / "resnet.tflite"
    file.write_bytes(to_tflite(core, "int8-ptq", input_scale=1, input_zero_point=0, calibration=pictures[:100]))
    assert_equal_on(file, pictures)


def jpegs(archive: Path, count: int) -> NDArray[np.uint8]:
    pictures: list[NDArray[np.uint8]] = []
    with tarfile.open(archive) as opened:
        for member in opened:
            content = opened.extractfile(member) if member.name.endswith((".jpg", ".jpeg")) else None
            if content is not None:
                pictures.append(np.asarray(Image.open(io.BytesIO(content.read())).convert("RGB")))
            if len(pictures) == count:
                break
    return np.stack(pictures)


def test_logits_do_not_depend_on_the_batch(file_of: FileOf) -> None:
    file = file_of("resnet8", "int8-ptq")
    save_model(exact_twin(file), file.with_suffix(".onnx"))
    runtime = open_runtime("onnxruntime", file.with_suffix(".onnx"))
    pictures = pictures_of(NETWORKS["resnet8"][0], 7)
    one_by_one = np.concatenate([runtime.run(pictures[index : index + 1]) for index in range(7)])
    np.testing.assert_array_equal(runtime.run(pictures), one_by_one)


def test_contract_names_dtypes_and_free_batch(file_of: FileOf) -> None:
    graph = exact_twin(file_of("cnn", "int8-ptq")).graph
    described = [
        (value.name, value.type.tensor_type.elem_type, [each.dim_param or each.dim_value for each in dims])
        for value in (*graph.input, *graph.output)
        for dims in [value.type.tensor_type.shape.dim]
    ]
    assert described == [
        ("image", onnx.TensorProto.UINT8, ["batch", 28, 28, 1]),
        ("logits", onnx.TensorProto.FLOAT, ["batch", 10]),
    ]


def test_float_model_is_refused_with_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "float.tflite"
    core = models.build("mlp", (8, 8, 3), 10)
    file.write_bytes(to_tflite(core, "float32", input_scale=1 / 128, input_zero_point=128))
    with pytest.raises(ConversionFailed, match="convert the model to full int8"):
        exact_twin(file)


def test_file_is_refused_when_it_is_no_tflite(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(b"not a model")
    with pytest.raises(BadModel, match="no TFLite model"):
        exact_twin(tmp_path / "model.tflite")

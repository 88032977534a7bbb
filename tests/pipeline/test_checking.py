"""edgewise check and boards, as people and programs call them; and thousands of damaged files."""

import json
import random
import struct
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from edge.boards import boards_of
from edge.device.errors import EdgewiseError
from edge.targets import TARGETS
from pipeline.checking import ask
from pipeline.isolate import Child

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def tiny_tflite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An int8 file of a few kilobytes, so that a mutation seldom falls into weights."""
    import tensorflow as tf
    import tf_keras as keras

    keras.utils.set_random_seed(0)
    inputs = keras.Input((4, 4, 1), batch_size=1)
    x = keras.layers.Conv2D(2, 3, activation="relu")(inputs)
    x = keras.layers.Dense(3)(keras.layers.Flatten()(x))
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(inputs, x))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([tf.random.normal((1, 4, 4, 1))] for _ in range(8))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    path = tmp_path_factory.mktemp("tiny") / "tiny.tflite"
    path.write_bytes(converter.convert())
    return path


@pytest.fixture(scope="module")
def tiny_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolution between quantizers, and a product."""
    scale = helper.make_tensor("scale", TensorProto.FLOAT, (), [0.1])
    zero = helper.make_tensor("zero", TensorProto.INT8, (), [0])
    weights = helper.make_tensor("weights", TensorProto.INT8, (2, 1, 3, 3), list(range(18)))
    shape = helper.make_tensor("shape", TensorProto.INT64, (2,), [1, -1])
    product = helper.make_tensor("product", TensorProto.FLOAT, (8, 3), [0.5] * 24)
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "scale", "zero"], ["xd"]),
        helper.make_node("DequantizeLinear", ["weights", "scale", "zero"], ["wd"]),
        helper.make_node("Conv", ["xd", "wd"], ["c"], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Reshape", ["r", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "product"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 1, 4, 4))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 3))],
        [scale, zero, weights, shape, product],
    )
    path = tmp_path_factory.mktemp("tiny") / "tiny.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def test_json_names_every_operator_and_the_estimates(edgewise: Command, tiny_tflite: Path) -> None:
    done = edgewise("check", tiny_tflite, "--target", "coral", "--json")
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["target"], verdict["board"], verdict["fits"]) == (0, "coral", None, "yes")
    assert [each["index"] for each in verdict["operators"]] == list(range(len(verdict["operators"])))
    assert {"CONV_2D", "FULLY_CONNECTED"} <= {each["name"] for each in verdict["operators"]}
    assert verdict["mapped_count"] == len(verdict["operators"])
    assert verdict["estimates"]["on_chip_bytes"] > 0


def test_model_that_does_not_fit_exits_with_3_and_the_reasons(edgewise: Command, tmp_path: Path) -> None:
    import tensorflow as tf

    function = tf.function(lambda x: tf.sin(x)).get_concrete_function(tf.TensorSpec([1, 8], tf.float32))
    path = tmp_path / "sine.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([function]).convert())
    done = edgewise("check", path, "--target", "coral")
    assert done.returncode == 3
    assert "fits coral: no" in done.stdout
    assert "SIN" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.tflite", "--target", "coral"), "nowhere.tflite: not there"),
        (("README.md", "--target", "coral"), "no TFLite model"),
        (("README.md", "--target", "abacus"), "'abacus' is not one of"),
        (("README.md", "--target", "coral", "--board", "abacus"), "board 'abacus': unknown to the target coral"),
        (("README.md", "--target", "cpu", "--board", "abacus"), "this target has no boards"),
        (("recipes", "--target", "coral"), "expected a TFLite model"),
    ],
)
def test_what_cannot_be_checked_is_said(edgewise: Command, arguments: tuple[str, ...], words: str) -> None:
    done = edgewise("check", *arguments)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_boards_are_listed_with_a_source_for_each_figure(edgewise: Command) -> None:
    listed = json.loads(edgewise("boards", "--json").stdout)
    assert {"coral", "jetson", "mcu", "fpga"} <= set(listed)
    for target, boards in listed.items():
        assert set(boards) == set(boards_of(target))
        for board in boards.values():
            assert board["figures"]
            assert all(figure["source"].startswith("https://") for figure in board["figures"].values())
    table = edgewise("boards", "--target", "mcu").stdout
    assert "nano-33-ble" in table
    assert "orin" not in table


# Targets whose check hands the file to a runtime take longer over each.
@pytest.mark.parametrize(
    ("target", "kind", "count"),
    [
        ("coral", "tflite", 2500),
        ("cpu", "tflite", 500),
        ("fpga", "tflite", 500),
        ("fpga", "onnx", 500),
        ("jetson", "onnx", 1500),
        ("jetson", "tflite", 60),
        ("mcu", "tflite", 60),
        ("openvino", "tflite", 200),
        ("openvino", "onnx", 200),
    ],
)
def test_damaged_file_gives_a_verdict_or_an_error_of_ours(
    target: str, kind: str, count: int, tiny_tflite: Path, tiny_onnx: Path, tmp_path: Path
) -> None:
    source = {"tflite": tiny_tflite, "onnx": tiny_onnx}[kind]
    damaged = tmp_path / f"damaged.{kind}"
    outcomes: Counter[str] = Counter()
    with Child(seconds=60, memory=16 * 2**30) as child:
        assert ask(child, source, target, None).operators
        for content in mutations(source.read_bytes(), count):
            damaged.write_bytes(content)
            try:
                outcomes[ask(child, damaged, target, None).fits] += 1
            except EdgewiseError as error:
                # "check: KeyError: ..." is how the child reports an exception that nobody meant.
                assert "check: " not in str(error) or "crashed" in str(error) or "no answer" in str(error), error
                outcomes["error"] += 1
    assert outcomes.total() == count
    assert outcomes["error"] > 0


def test_every_target_meets_damaged_files() -> None:
    # tpu reads a folder that TensorFlow itself wrote.
    assert set(TARGETS) - {"tpu"} <= {"coral", "cpu", "fpga", "jetson", "mcu", "openvino"}


def mutations(content: bytes, count: int) -> Iterator[bytes]:
    """`count` damaged copies: bits flipped, extreme numbers, pieces cut out, copied elsewhere, or the end missing."""
    chance = random.Random(0)  # noqa: S311 - reproducible, not secret
    for _ in range(count):
        damaged = bytearray(content)
        for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
            at = chance.randrange(len(damaged))
            match chance.randrange(5):
                case 0:
                    damaged[at] ^= 1 << chance.randrange(8)
                case 1:
                    damaged[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
                case 2:
                    word = chance.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, len(damaged), chance.randrange(2**32)))
                    damaged[at : at + 4] = struct.pack("<I", word)
                case 3:
                    other, length = chance.randrange(len(damaged)), chance.choice((1, 4, 16, 64))
                    damaged[at : at + length] = damaged[other : other + length]
                case _:
                    del damaged[at : chance.choice((at + 1, at + 4, at + 16, len(damaged)))]
                    damaged = damaged or bytearray(b"\0")
        yield bytes(damaged)

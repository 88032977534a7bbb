"""Models that are not ours: what the Edge TPU's compiler would say of them."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.boards import boards_of
from edge.device.errors import BadModel
from edge.target import Verdict
from edge.targets import coral

Convert = Callable[..., Path]


@pytest.fixture(scope="module")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Convert:
    """The TFLite file of a function of tensors: "int8", "16x8", "hybrid" (weights alone) or "float"."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("foreign")

    def make(function: Callable[..., object], *shapes: tuple[int | None, ...], kind: str = "int8") -> Path:
        concrete = tf.function(function).get_concrete_function(*(tf.TensorSpec(shape, tf.float32) for shape in shapes))
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
        if kind != "float":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if kind in ("int8", "16x8"):
            random = np.random.default_rng(0)
            filled = [tuple(length or 1 for length in shape) for shape in shapes]
            converter.representative_dataset = lambda: (
                [random.normal(size=shape).astype(np.float32) for shape in filled] for _ in range(4)
            )
        if kind == "int8":
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.uint8
        if kind == "16x8":
            converter.target_spec.supported_ops = [
                tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            ]
        path = folder / f"{len(list(folder.iterdir()))}.tflite"
        path.write_bytes(converter.convert())
        return path

    return make


@cache
def weights(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def convolved(x: object, channels: int = 8, **settings: object) -> object:
    import tensorflow as tf

    return tf.nn.conv2d(x, weights(3, 3, x.shape[-1], channels), strides=1, padding="SAME", **settings)


def placements(verdict: Verdict) -> dict[str, set[str]]:
    """Where the operators of each name stand."""
    found: dict[str, set[str]] = {}
    for each in verdict.operators:
        found.setdefault(each.name, set()).add(each.placement)
    return found


def test_check_of_a_float_model_says_that_it_is_not_quantized(convert):
    verdict = coral.check(convert(convolved, (1, 8, 8, 4), kind="float"), None)
    assert (verdict.fits, verdict.mapped_count) == ("no", 0)
    assert any("Model not quantized" in text and "FLOAT32" in text for text in verdict.refusals)


def test_check_of_a_hybrid_model_says_that_it_is_not_quantized(convert):
    import tensorflow as tf

    path = convert(lambda x: tf.matmul(x, weights(256, 256)), (1, 256), kind="hybrid")
    verdict = coral.check(path, None)
    assert verdict.fits == "no"
    assert any("Model not quantized" in text for text in verdict.refusals)


def test_check_of_a_grouped_convolution_names_the_version_and_the_way_round(convert):
    import tensorflow as tf

    verdict = coral.check(convert(lambda x: tf.nn.conv2d(x, weights(3, 3, 4, 8), 1, "SAME"), (1, 8, 8, 8)), None)
    assert (verdict.fits, verdict.mapped_count) == ("no", 0)
    assert placements(verdict)["CONV_2D"] == {"refused"}
    (refusal,) = verdict.refusals
    assert "'CONV_2D' version '6'" in refusal
    assert "depthwise" in refusal


def test_check_of_a_batch_that_is_known_only_when_the_model_runs_is_refused(convert):
    import tensorflow as tf

    verdict = coral.check(convert(lambda x: tf.reshape(convolved(x), [tf.shape(x)[0], -1]), (None, 4, 4, 4)), None)
    assert verdict.fits == "no"
    assert any("RESHAPE" in text and "batch of one" in text for text in verdict.refusals)


def test_check_of_a_reshape_to_a_scalar_reads_its_empty_shape_as_constant(convert):
    import tensorflow as tf

    verdict = coral.check(convert(lambda x: tf.reshape(convolved(x, 1), []), (1, 1, 1, 4)), None)
    assert (verdict.fits, placements(verdict)["RESHAPE"]) == ("yes", {"accelerator"})


def test_check_of_a_batch_that_nothing_depends_on_is_taken_with_a_warning(convert):
    verdict = coral.check(convert(convolved, (None, 8, 8, 4)), None)
    assert verdict.fits == "yes"
    assert any(each.severity == "warning" and each.operator == "input" for each in verdict.findings)


def test_check_of_a_batch_of_four_of_which_only_a_quantization_maps_is_refused(convert):
    import tensorflow as tf

    path = convert(lambda x: tf.nn.softmax(tf.reshape(convolved(x, 1), [4, 16])), (4, 4, 4, 4))
    verdict = coral.check(path, None)
    assert (verdict.fits, verdict.mapped_count) == ("no", 1)
    (refusal,) = verdict.refusals
    assert "no operator runs on the Edge TPU but QUANTIZE" in refusal
    assert refusal.endswith("convert the network with a batch of one")


@pytest.mark.parametrize(
    ("activation", "shape", "rows", "fix"),
    [
        ("softmax", (4, 1, 2, 4), 1, "convert the network with a batch of one"),
        ("softmax", (1, 4, 4, 4), 16, "use a 1x1 convolution, or one row"),
        ("leaky_relu", (1, 4, 4, 4), 16, "place unsupported layers last, or take another layer"),
    ],
)
def test_check_of_operators_left_on_the_cpu_tells_the_way_round(activation, shape, rows, fix, convert):
    import tensorflow as tf

    function = lambda x: getattr(tf.nn, activation)(tf.reshape(convolved(x), [rows, -1]))  # noqa: E731
    verdict = coral.check(convert(function, shape), None)
    (warning,) = (each for each in verdict.findings if (each.severity, each.operator) == ("warning", "mapping"))
    assert (verdict.fits, warning.fix) == ("yes", fix)


def test_check_of_five_dimensions_leaves_the_deep_ones_on_the_cpu(convert):
    import tensorflow as tf

    verdict = coral.check(convert(lambda x: tf.reshape(convolved(x), [1, 8, 4, 2, 8]), (1, 8, 8, 4)), None)
    assert placements(verdict)["CONV_2D"] == {"accelerator"}
    (deep,) = (each for each in verdict.operators if each.name == "RESHAPE")
    assert deep.placement == "cpu"
    assert deep.reason.startswith("Tensor has unsupported rank (up to 3 innermost dimensions mapped)")


def test_check_of_operators_behind_an_unsupported_one_leaves_them_on_the_cpu(convert):
    import tensorflow as tf

    verdict = coral.check(convert(lambda x: convolved(tf.nn.leaky_relu(convolved(x))), (1, 8, 8, 4)), None)
    assert verdict.fits == "yes"
    reasons = [(each.name, each.placement, each.reason) for each in verdict.operators]
    assert ("LEAKY_RELU", "cpu", "Operation not supported") in reasons
    assert placements(verdict)["CONV_2D"] == {"accelerator", "cpu"}
    assert reasons[-1][2] == "More than one subgraph is not supported"


def test_check_of_a_model_of_which_nothing_maps_is_refused(convert):
    import tensorflow as tf

    path = convert(lambda x: tf.math.log(x * x + 1.0), (1, 8), kind="float")
    assert coral.check(path, None).fits == "no"


@pytest.mark.parametrize(
    ("times", "fits", "placement"), [(2, "yes", "accelerator"), (4, "uncertain", "accelerator"), (16, "yes", "cpu")]
)
def test_check_of_an_enlargement_is_certain_only_where_the_compiler_was_seen(times, fits, placement, convert):
    import tensorflow as tf

    path = convert(lambda x: tf.image.resize(convolved(x), [8 * times, 8 * times]), (1, 8, 8, 4))
    verdict = coral.check(path, None)
    assert (verdict.fits, placements(verdict)["RESIZE_BILINEAR"]) == (fits, {placement})


def test_check_of_several_inputs_places_all_operators(convert):
    verdict = coral.check(convert(lambda x, y: convolved(x) + y, (1, 8, 8, 4), (1, 8, 8, 8)), None)
    assert (verdict.fits, verdict.mapped_count) == ("yes", len(verdict.operators))


def test_check_of_a_float_lstm_is_refused(convert):
    import tf_keras as keras

    verdict = coral.check(convert(keras.layers.LSTM(4), (1, 3, 5), kind="float"), None)
    assert verdict.fits == "no"
    assert any("Model not quantized" in text for text in verdict.refusals)


def test_check_of_sixteen_bit_activations_is_refused(convert):
    verdict = coral.check(convert(convolved, (1, 8, 8, 4), kind="16x8"), None)
    assert (verdict.fits, verdict.mapped_count) == ("no", 0)
    assert any("INT16" in text for text in verdict.refusals)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 0.98])
def test_check_of_a_cut_file_is_an_error_that_names_it(share, convert, tmp_path):
    content = convert(convolved, (1, 8, 8, 4)).read_bytes()
    path = tmp_path / "cut.tflite"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BadModel, match=r"cut\.tflite"):
        coral.check(path, None)


def test_check_of_more_parameters_than_the_chip_holds_warns_of_streaming(convert):
    import tensorflow as tf

    path = convert(lambda x: tf.matmul(x, weights(2900, 2900)), (1, 2900))
    verdict = coral.check(path, boards_of("coral")["usb-accelerator"])
    assert verdict.fits == "yes"
    assert verdict.estimates["streamed_bytes"] == verdict.estimates["on_chip_bytes"] - 8 * 2**20
    assert any(each.severity == "warning" and each.operator == "on-chip memory" for each in verdict.findings)

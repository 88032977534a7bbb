import numpy as np
import pytest
import tf_keras as keras

import models
from edge.device.errors import BadData, BadModel, ConversionFailed
from edge.tflite import parse_graph
from pipeline.quantization.aware import quantization_aware
from pipeline.quantization.calibration import spanning
from pipeline.quantization.convert import require_integers, to_tflite

SHAPE = (32, 32, 3)


@pytest.fixture(scope="module")
def aware(core, pictures) -> keras.Model:
    aware = quantization_aware(core, 1 / 128, 128)
    _teach(aware, pictures)
    return aware


def _teach(model, pictures, epochs=2):
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit((pictures - 128.0) / 128.0, np.arange(len(pictures)) % 10, batch_size=16, epochs=epochs, verbose=0)


def _convert(core, precision, calibration=None, scale=1 / 128, zero_point=128):
    content = to_tflite(core, precision, input_scale=scale, input_zero_point=zero_point, calibration=calibration)
    return parse_graph(content, precision)


def test_aware_training_gives_every_activation_zero_point_0(aware):
    graph = _convert(aware, "int8-qat")
    integers = [tensor for tensor in graph.tensors if tensor.dtype == "INT8"]
    assert len(integers) > 20
    assert {point for tensor in integers for point in tensor.zero_points} == {0}
    kernels = [graph.tensors[each.inputs[1]] for each in graph.operators if each.name == "CONV_2D"]
    assert all(len(kernel.scales) == kernel.shape[0] for kernel in kernels)


@pytest.mark.parametrize("precision", ["int8-ptq", "int8-qat"])
def test_conversion_keeps_the_inputs_scale_exactly(precision, core, aware, pictures):
    graph = _convert(aware if precision == "int8-qat" else core, precision, pictures)
    assert (graph.input.dtype, graph.input.scales, graph.input.zero_points) == ("UINT8", (1 / 128,), (128,))
    assert (graph.output.dtype, graph.output.shape) == ("UINT8", (1, 10))
    inner = graph.tensors[graph.operators[0].outputs[0]]
    assert (inner.scales, inner.zero_points) == ((1 / 128,), (0,))
    assert {operator.name for operator in graph.operators} == {"QUANTIZE", "CONV_2D", "ADD", "MEAN", "FULLY_CONNECTED"}


def test_conversion_takes_another_scale_of_the_input(pictures):
    core = models.build("mlp", (8, 8, 1), 10)
    graph = _convert(core, "int8-ptq", pictures[:, :8, :8, :1], scale=1 / 255, zero_point=0)
    assert graph.input.zero_points == (0,)
    assert graph.input.scales[0] == pytest.approx(1 / 255, rel=1e-6)


@pytest.mark.parametrize("precision", ["float16", "float32"])
def test_float_conversion_takes_bytes_and_gives_real_logits(precision, core):
    graph = _convert(core, precision)
    assert (graph.input.dtype, graph.input.shape) == ("UINT8", (1, *SHAPE))
    assert (graph.output.dtype, graph.output.shape) == ("FLOAT32", (1, 10))
    assert any(tensor.dtype == "FLOAT16" for tensor in graph.tensors) == (precision == "float16")


def test_ranges_of_activations_converge_in_two_hundred_steps(pictures):
    core = models.build("mlp", (8, 8, 1), 10)
    aware = quantization_aware(core, 1 / 128, 128)
    small = pictures[:, :8, :8, :1]
    aware.compile(keras.optimizers.SGD(0.0), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    aware.fit((small - 128.0) / 128.0, np.zeros(len(small)), batch_size=len(small), epochs=200, verbose=0)
    logits = np.abs(core.predict((small - 128.0) / 128.0, verbose=0)).max()
    (largest,) = (float(each) for each in aware.layers[-1].weights if "largest" in each.name)
    assert largest == pytest.approx(logits, rel=0.05)


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2"])
def test_aware_training_takes_depthwise_and_padded_networks(name):
    aware = quantization_aware(models.build(name, SHAPE, 10, width=0.25), 1 / 128, 128)
    assert aware.output_shape == (None, 10)


@pytest.mark.parametrize("name", ["cnn", "mlp", "resnet8"])
def test_weights_of_an_aware_network_reload_exactly(name, tmp_path):
    core = models.build(name, SHAPE, 10, width=0.25)
    aware = quantization_aware(core, 1 / 128, 128)
    rng = np.random.default_rng(0)
    aware.set_weights([rng.uniform(0.1, 1, each.shape).astype(each.dtype) for each in aware.get_weights()])
    aware.save_weights(tmp_path / "weights.h5")
    again = quantization_aware(core, 1 / 128, 128)
    again.load_weights(tmp_path / "weights.h5")
    for one, other in zip(aware.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_layers_that_cannot_be_quantized_are_named_or_left_in_float():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.UnitNormalization(name="odd")(keras.layers.Conv2D(4, 3)(inputs))
    x = keras.layers.ELU(name="smooth")(x)
    core = keras.Model(inputs, keras.layers.Dense(3, name="logits")(keras.layers.Flatten()(x)))
    with pytest.raises(BadModel, match=r"odd \(UnitNormalization\), smooth \(ELU\).*allow_float_layers"):
        quantization_aware(core, 1 / 128, 128)
    aware = quantization_aware(core, 1 / 128, 128, allow_float_layers=True)
    assert aware(np.zeros((2, 8, 8, 3), np.float32)).shape == (2, 3)


def test_calibration_that_misses_the_ends_is_completed(pictures):
    whole = spanning(pictures)
    assert (len(whole), whole.min(), whole.max()) == (len(pictures) + 2, 0, 255)
    np.testing.assert_array_equal(whole[: len(pictures)], pictures)
    assert (whole[-2:] != pictures[:1]).sum() == 2
    np.testing.assert_array_equal(spanning(whole), whole)


@pytest.mark.parametrize("calibration", [None, np.zeros((0, *SHAPE), np.uint8), np.zeros((4, 8, 8, 3), np.uint8),
                                         np.zeros((4, *SHAPE), np.float32)])  # fmt: skip
def test_calibration_that_does_not_fit_is_refused(calibration, core):
    with pytest.raises(BadData, match="calibration"):
        _convert(core, "int8-ptq", calibration)


def test_operators_left_in_float_are_named(core):
    with pytest.raises(ConversionFailed, match=r"CONV_2D #\d+ \(FLOAT32\)"):
        require_integers(_convert(core, "float32"))


def test_an_aware_network_that_was_not_trained_with_this_scale_is_refused(aware):
    with pytest.raises(ConversionFailed, match="expected UINT8"):
        _convert(aware, "int8-qat", scale=1 / 255, zero_point=0)


@pytest.mark.parametrize("precision", ["bfloat16", "int8-selective", "fixed-4"])
def test_a_precision_that_is_not_made_here_is_refused(precision, core):
    with pytest.raises(ConversionFailed, match=f"{precision}: no precision of a TFLite file made here"):
        _convert(core, precision)

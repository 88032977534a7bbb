"""int16 activations: held against the float network, and run by TFLite Micro beside LiteRT."""

import numpy as np
import pytest

from edge.device.errors import BadData, ConversionFailed
from edge.device.runtimes import open_runtime
from edge.tflite import parse_graph
from pipeline.quantization.convert import to_tflite
from pipeline.quantization.raw_bytes import take_bytes

SCALES = [(1 / 128, 128), (1 / 255, 0), (1.0, 100)]


@pytest.fixture(scope="module")
def content(core, pictures) -> bytes:
    return _convert(core, "int16x8", pictures)


def _convert(core, precision, pictures, scale=1 / 128, zero_point=128):
    return to_tflite(core, precision, input_scale=scale, input_zero_point=zero_point, calibration=pictures)


def _run(content, pictures, folder, runtime="litert-reference"):
    (folder / "model.tflite").write_bytes(content)
    return open_runtime(runtime, folder / "model.tflite").run(pictures)


def test_every_activation_is_int16_and_every_weight_int8(content):
    graph = parse_graph(content, "int16x8")
    convolutions = [each for each in graph.operators if each.name == "CONV_2D"]
    assert {graph.tensors[each.inputs[0]].dtype for each in convolutions} == {"INT16"}
    assert {graph.tensors[each.inputs[1]].dtype for each in convolutions} == {"INT8"}
    assert [each.name for each in graph.operators[:2]] == ["QUANTIZE", "QUANTIZE"]
    assert (graph.input.dtype, graph.input.scales, graph.input.zero_points) == ("UINT8", (1 / 128,), (128,))
    assert (graph.output.dtype, graph.output.shape) == ("FLOAT32", (1, 10))


@pytest.mark.parametrize(("scale", "zero_point"), SCALES)
def test_answers_are_nearer_to_float_than_those_of_int8(scale, zero_point, core, pictures, tmp_path):
    expected = core(scale * (pictures.astype(np.float32) - zero_point), training=False).numpy()
    wide = _run(_convert(core, "int16x8", pictures, scale, zero_point), pictures, tmp_path)
    narrow = _run(_convert(core, "int8-ptq", pictures, scale, zero_point), pictures, tmp_path)
    error = np.sqrt(np.mean((wide - expected) ** 2))
    assert error < 0.7 * np.sqrt(np.mean((narrow - expected) ** 2))
    assert error < 0.02 * np.ptp(expected)


def test_tflite_micro_agrees_with_the_reference_kernels(content, pictures, tmp_path):
    runtime = pytest.importorskip("tflite_micro").runtime
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=2**20)
    expected = _run(content, pictures, tmp_path)
    for picture, logits in zip(pictures, expected, strict=True):
        interpreter.set_input(picture[np.newaxis], 0)
        interpreter.invoke()
        np.testing.assert_allclose(interpreter.get_output(0)[0], logits, atol=np.ptp(expected) / 2**12)


def test_xnnpack_agrees_with_the_reference_kernels(content, pictures, tmp_path):
    one, other = (_run(content, pictures, tmp_path, runtime) for runtime in ("litert-reference", "litert"))
    np.testing.assert_allclose(one, other, atol=np.ptp(one) / 2**12)


def test_conversion_without_calibration_pictures_is_refused(core):
    with pytest.raises(BadData, match="int16x8 needs"):
        _convert(core, "int16x8", None)


def test_a_file_that_takes_bytes_already_gets_no_second_input(core, pictures):
    with pytest.raises(ConversionFailed, match="expected float32 or int16"):
        take_bytes(_convert(core, "int8-ptq", pictures), 1 / 128, 128)

"""The verdict on models that are not ours."""

import dataclasses

import numpy as np
import pytest

from edge.boards import Board, Figure, boards_of, find_board
from edge.device.errors import BadModel
from edge.targets import mcu
from edge.targets.mcu.work import multiply_accumulates
from edge.tflite import read_graph


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """Convert a function of one float tensor with TensorFlow, as other people do."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("foreign")

    def convert(name, function, shape, *, dynamic_range=False):
        concrete = tf.function(function).get_concrete_function(tf.TensorSpec(shape, tf.float32))
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
        if dynamic_range:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        path = folder / f"{name}.tflite"
        path.write_bytes(converter.convert())
        return path

    return convert


def convolution(x):
    import tensorflow as tf

    weights = tf.constant(np.random.default_rng(0).normal(size=(3, 3, 8, 32)).astype(np.float32))
    return tf.nn.relu(tf.nn.conv2d(x, weights, 1, "SAME"))


def test_float32_model_fits_and_takes_more_memory(foreign, tflite_of):
    verdict = mcu.check(foreign("float", convolution, [1, 16, 16, 8]), None)
    assert (verdict.fits, {each.placement for each in verdict.operators}) == ("yes", {"cpu"})
    assert verdict.estimates["arena_bytes"] > 4 * 16 * 16 * (8 + 32)
    assert verdict.estimates["macs"] == 16 * 16 * 32 * 3 * 3 * 8
    assert mcu.check(tflite_of("cnn", "int8-qat"), None).fits == "yes"


def test_dynamic_range_model_is_refused_with_the_way_round(foreign):
    verdict = mcu.check(foreign("hybrid", convolution, [1, 16, 16, 8], dynamic_range=True), None)
    assert verdict.fits == "no"
    (refusal,) = verdict.refusals
    assert "CONV_2D #0: no kernel for FLOAT32/INT8" in refusal
    assert "calibration pictures" in refusal


def test_float16_weights_are_refused(tflite_of):
    refusals = mcu.check(tflite_of("cnn", "float16"), None).refusals
    assert any("FLOAT16>FLOAT32" in refusal for refusal in refusals)


def test_operator_without_a_kernel_is_refused_by_name(foreign):
    import tensorflow as tf

    verdict = mcu.check(foreign("tile", lambda x: tf.tile(tf.nn.relu(x), [1, 1, 2]), [1, 4, 3]), None)
    placements = {each.name: each.placement for each in verdict.operators}
    assert placements == {"RELU": "cpu", "TILE": "refused"}
    assert "arena" in {finding.operator for finding in verdict.findings}


def test_three_dimensional_convolution_is_refused(foreign):
    import tensorflow as tf

    weights = tf.ones((1, 3, 3, 2, 4))
    path = foreign("volume", lambda x: tf.nn.conv3d(x, weights, [1] * 5, "SAME"), [1, 4, 8, 8, 2])
    assert any("no kernel for CONV_3D" in refusal for refusal in mcu.check(path, None).refusals)


def test_five_dimensions_are_judged_by_running_them(foreign):
    import tensorflow as tf

    added = foreign("five", lambda x: x + tf.reverse(x, [1]), [1, 2, 3, 4, 5])
    assert mcu.check(added, None).fits == "yes"
    verdict = mcu.check(foreign("cropped", lambda x: x[:, 1:, 1:, 1:, 1:], [1, 2, 3, 4, 5]), None)
    (refusal,) = verdict.refusals
    assert "STRIDED_SLICE #0" in refusal
    assert "input dim should not exceed 4" in refusal


def test_dynamic_batch_is_told(foreign):
    verdict = mcu.check(foreign("batch", convolution, [None, 16, 16, 8]), None)
    assert [finding.operator for finding in verdict.findings if finding.severity == "warning"] == ["shapes"]


def test_control_flow_is_told_and_not_converted(foreign, tmp_path):
    import tensorflow as tf

    def branch(x):
        return tf.cond(tf.reduce_sum(x) > 0, lambda: tf.nn.relu(x), lambda: tf.abs(x))

    path = foreign("branch", branch, [1, 4])
    assert [finding.operator for finding in mcu.check(path, None).findings if finding.severity == "warning"] == [
        "control flow"
    ]
    with pytest.raises(BadModel, match="control flow"):
        mcu.convert(path, None, tmp_path)


def test_lstm_is_judged_by_running_it(shared):
    verdict = mcu.check(shared / "edgetpu" / "models" / "keras_lstm_mnist_ptq.tflite", None)
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in {each.name for each in verdict.operators}
    assert (verdict.fits, {each.placement for each in verdict.operators}) == ("yes", {"cpu"})


def test_lstm_counts_four_gates_at_each_step(shared):
    graph = read_graph(shared / "edgetpu" / "models" / "keras_lstm_mnist_ptq.tflite")
    lstm = tuple(each for each in graph.operators if each.name == "UNIDIRECTIONAL_SEQUENCE_LSTM")
    units, inputs, steps = 20, 28, 28
    macs = multiply_accumulates(dataclasses.replace(graph, operators=lstm))
    assert macs == 4 * units * (inputs + units) * steps


def test_uint8_models_of_older_converters_are_refused(shared):
    refusals = mcu.check(shared / "edgetpu" / "models" / "mobilenet_v1_0.25_128_quant.tflite", None).refusals
    assert any("CONV_2D #0: no kernel for UINT8/UINT8" in refusal for refusal in refusals)


def test_custom_operator_is_refused_by_name(shared):
    name = "posenet_mobilenet_v1_075_353_481_16_quant_decoder.tflite"
    verdict = mcu.check(shared / "edgetpu" / "models" / name, None)
    assert any(each.name.startswith("CUSTOM:") and each.placement == "refused" for each in verdict.operators)


def test_mobilenet_edgetpu_macs_are_those_of_its_authors(shared):
    """0.75 at 224: 624 million, https://github.com/tensorflow/models/tree/master/research/slim/nets/mobilenet."""
    name = "edgetpu_mobilenet_edgetpu_0.75_224_post_training_quant.tflite"
    macs = mcu.check(shared / "edgetpu" / "models" / name, None).estimates["macs"]
    assert macs == pytest.approx(624e6, rel=0.01)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
def test_cut_file_is_refused(share, tflite_of, tmp_path):
    content = tflite_of("cnn", "int8-qat").read_bytes()
    (tmp_path / "cut.tflite").write_bytes(content[: int(share * len(content))])
    with pytest.raises(BadModel, match=r"cut\.tflite"):
        mcu.check(tmp_path / "cut.tflite", None)


def test_damaged_file_gives_an_error_or_a_verdict(tflite_of, tmp_path):
    content = tflite_of("cnn", "int8-qat").read_bytes()
    random = np.random.default_rng(1)
    path = tmp_path / "damaged.tflite"
    outcomes = set()
    for _ in range(5):
        damaged = bytearray(content)
        # The tables stand at the end, the weights before them.
        for at in random.integers(len(content) - 4000, len(content), 3):
            damaged[at] = random.integers(0, 256)
        path.write_bytes(damaged)
        try:
            outcomes.add(mcu.check(path, None).fits)
        except BadModel:
            outcomes.add("error")
    assert outcomes <= {"yes", "no", "uncertain", "error"}


def test_board_too_small_is_refused_with_the_numbers(tflite_of):
    small = Board(
        name="small",
        target="mcu",
        title="Small",
        figures={"ram_bytes": Figure(value=4096, source="made up"), "flash_bytes": Figure(value=65536, source="")},
    )
    verdict = mcu.check(tflite_of("resnet8", "int8-qat"), small)
    needs = verdict.estimates["arena_bytes_with_margin"]
    assert (verdict.fits, verdict.board) == ("no", "small")
    assert f"RAM: needs {needs:,} bytes, Small has 4,096" in " ".join(verdict.refusals)
    assert "flash: needs" in " ".join(verdict.refusals)


def test_tight_board_is_a_warning(tflite_of):
    path = tflite_of("resnet8", "int8-qat")
    needs = mcu.check(path, None).estimates["arena_bytes_with_margin"]
    tight = Board(
        name="tight", target="mcu", title="Tight", figures={"arena_ram_bytes": Figure(value=needs + 9, source="")}
    )
    verdict = mcu.check(path, tight)
    assert verdict.fits == "yes"
    assert "9 are left" in next(str(finding) for finding in verdict.findings if finding.operator == "RAM")


def test_neural_processing_unit_without_its_compiler_is_a_note(tflite_of):
    verdict = mcu.check(tflite_of("cnn", "int8-qat"), find_board("mcu", "stm32n6"))
    assert (verdict.fits, verdict.findings[-1].severity) == ("yes", "note")
    assert "ST Edge AI Core" in str(verdict.findings[-1])


def test_faster_kernels_of_a_board_have_their_room(tflite_of):
    """ESP-NN copies a padded input and the filter, CMSIS-NN a few columns of the input."""
    path = tflite_of("resnet8", "int8-qat")
    cortex, xtensa = (mcu.check(path, find_board("mcu", name)).estimates for name in ("rp2040", "esp32-s3"))
    assert cortex["arena_bytes"] == xtensa["arena_bytes"]
    assert (
        xtensa["arena_bytes_with_margin"] > cortex["arena_bytes_with_margin"] >= cortex["arena_bytes"] + 4 * 3 * 3 * 64
    )


def test_boards_state_memory_core_and_clock_with_sources():
    boards = boards_of("mcu")
    expected = {"nano-33-ble", "nicla-vision", "esp32-s3", "rp2040", "stm32h7", "stm32n6", "coral-dev-board-micro"}
    assert set(boards) == expected
    for board in boards.values():
        assert {"core", "clock_mhz", "ram_bytes", "flash_bytes", "kernels"} <= set(board.figures)
        assert all(figure.source.startswith("https://") for figure in board.figures.values())
        assert board.number("ram_bytes") >= (board.number("arena_ram_bytes") or 0)


def test_without_the_package_the_arena_is_an_estimate_and_the_verdict_uncertain(tflite_of, monkeypatch):
    path = tflite_of("cnn", "int8-qat")
    measured = mcu.check(path, None)
    monkeypatch.setattr("edge.simulators.arena.find_spec", lambda _: None)
    verdict = mcu.check(path, None)
    assert verdict.fits == "uncertain"
    assert "pip install --pre tflite-micro" in str(verdict.findings[0])
    assert verdict.estimates["arena_bytes"] <= measured.estimates["arena_bytes"]
    assert dataclasses.replace(verdict, findings=()).fits == "yes"

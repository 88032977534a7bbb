"""`check` on anybody's models, and what is said where something is missing."""

import numpy as np
import pytest

from edge.boards import boards_of, find_board
from edge.device.errors import BadModel, ConversionFailed, Unavailable
from edge.fixed_point.file import write_network
from edge.fixed_point.network import PICTURE, Dense, Flatten, Front, Network, Node
from edge.targets import fpga
from edge.targets.fpga.estimate import signed_digits
from edge.tools import find_tool, run_tool


@pytest.fixture
def form(network_of, tmp_path):
    write_network(tmp_path / "model.npz", network_of(0))
    return tmp_path / "model.npz"


def _dense(inputs, outputs):
    weights = np.random.default_rng(0).integers(-8, 8, (inputs, outputs))
    layer = Dense(weights=weights, fraction=4, bias=np.zeros(outputs, np.int64), bias_fraction=4)
    nodes = (Node(layer=Flatten(), inputs=(PICTURE,)), Node(layer=layer, inputs=(0,)))
    return Network(bits=4, shape=(inputs, 1, 1), front=Front(zero_point=128, fraction=7), nodes=nodes)


def test_fixed_point_network_is_placed_layer_by_layer(form):
    verdict = fpga.check(form, find_board("fpga", "ulx3s-85f"))
    assert verdict.fits == "yes"
    assert [each.name for each in verdict.operators].count("Round") == 3
    assert verdict.mapped_count == len(verdict.operators)
    assert verdict.estimates["weights"] == 18 + 36 + 12
    assert 0 < verdict.estimates["macs"] <= 16 * (18 + 36) + 12
    assert 500 < verdict.estimates["cells"] < 20_000


@pytest.mark.parametrize("name", ["cnn", "mlp", "resnet8"])
def test_tflite_networks_of_ours_are_placed(name, tflite_of):
    verdict = fpga.check(tflite_of(name, "int8-ptq"), None)
    assert verdict.refusals == [] or name == "cnn"  # 7 x 7 numbers have no exact mean
    assert verdict.estimates["weights"] > 1000
    assert verdict.estimates["macs"] >= verdict.estimates["weights"]


def test_mean_of_a_number_that_is_no_power_of_two_is_refused(tflite_of):
    verdict = fpga.check(tflite_of("cnn", "int8-ptq"), None)
    assert verdict.fits == "no"
    assert "averages 49 numbers; only a power of two is a shift" in " ".join(verdict.refusals)


def test_network_without_fixed_point_layers_is_refused(tflite_of):
    verdict = fpga.check(tflite_of("mobilenet_v1", "int8-ptq"), None)
    refused = {each.name for each in verdict.operators if each.placement == "refused"}
    assert "DEPTHWISE_CONV_2D" in refused


def test_onnx_files_are_placed(tflite_of, tmp_path):
    from edge.targets.cpu import convert

    convert(tflite_of("mlp", "float32"), None, tmp_path)
    verdict = fpga.check(tmp_path / "model.onnx", None)
    assert verdict.refusals == []
    assert verdict.estimates["weights"] >= 192 * 64 + 64 * 32


def test_large_network_is_a_project_for_hls_or_refused_by_a_small_board(tmp_path):
    write_network(tmp_path / "model.npz", _dense(512, 128))
    anywhere = fpga.check(tmp_path / "model.npz", None)
    assert anywhere.fits == "yes"
    assert "the HLS project alone" in str(anywhere.findings[0])
    small = fpga.check(tmp_path / "model.npz", find_board("fpga", "icebreaker"))
    assert small.fits == "no"
    assert "icebreaker has 5,280" in small.refusals[0]
    amd = fpga.check(tmp_path / "model.npz", find_board("fpga", "arty-a7-35t"))
    assert amd.fits == "yes"


def test_file_that_is_no_model_is_refused(tmp_path):
    for name in ("notes.txt", "notes.npz", "notes.onnx"):
        (tmp_path / name).write_text("no model at all")
        with pytest.raises(BadModel, match=name):
            fpga.check(tmp_path / name, None)


def test_convert_of_another_form_says_what_to_do(tflite_of, tmp_path):
    with pytest.raises(BadModel, match="not in fixed point; let the pipeline make that form"):
        fpga.convert(tflite_of("mlp", "int8-ptq"), None, tmp_path)


def test_boards_have_what_their_tools_ask_for():
    for board in boards_of("fpga").values():
        assert board.number("cells") > 1000
        assert board.word("programmer")
        if board.word("family") in ("ecp5", "ice40"):
            assert board.word("nextpnr_device")
            assert board.number("oscillator_mhz") in (12, 25)


def test_missing_tool_is_named_with_the_command():
    with pytest.raises(Unavailable, match="the program yowasp-nothing is missing; make setup-fpga"):
        find_tool("yowasp-nothing", "make setup-fpga")


def test_tool_that_hangs_is_stopped_and_one_that_fails_is_quoted(tmp_path):
    sleep, shell = find_tool("sleep", ""), find_tool("ls", "")
    with pytest.raises(ConversionFailed, match="sleep: not done after 0 s and stopped"):
        run_tool([sleep, "60"], folder=tmp_path, log=tmp_path / "log", seconds=0.2)
    with pytest.raises(ConversionFailed, match=r"ls: ended with code 2: .*absent"):
        run_tool([shell, "absent"], folder=tmp_path, log=tmp_path / "log", seconds=10)
    assert "absent" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(("code", "digits"), [(0, 0), (1, 1), (3, 2), (7, 2), (-7, 2), (5, 2), (11, 3), (-128, 1)])
def test_signed_digits_of_known_numbers(code, digits):
    assert signed_digits(np.array([code])) == digits

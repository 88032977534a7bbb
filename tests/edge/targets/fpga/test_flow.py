"""From integers to a bitstream with the real tools, on a tiny network. Minutes: `make test-fpga`."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from edge.boards import find_board
from edge.fixed_point.evaluate import logits_of
from edge.fixed_point.file import read_network, write_network
from edge.fixed_point.formats import Format
from edge.fixed_point.interface import read_interface
from edge.fixed_point.network import Dense, Flatten, Front, Network, Node, Round
from edge.runtimes import open_runtime
from edge.simulators.verilator import open_verilator
from edge.targets import fpga
from edge.tools import find_tool, run_tool

pytestmark = pytest.mark.fpga


def _perceptron():
    random = np.random.default_rng(4)

    def dense(inputs, outputs):
        weights = random.integers(-4, 4, (inputs, outputs))
        return Dense(weights=weights, fraction=3, bias=random.integers(-20, 20, outputs), bias_fraction=5)

    layers = (Flatten(), dense(16, 6), Round(format=Format(signed=False, bits=3, fraction=1)), dense(6, 3))
    nodes = tuple(Node(layer=layer, inputs=(position - 1,)) for position, layer in enumerate(layers))
    return Network(bits=3, shape=(4, 4, 1), front=Front(zero_point=128, fraction=7, dropped=5), nodes=nodes)


@pytest.fixture(scope="module")
def form(tmp_path_factory):
    path = tmp_path_factory.mktemp("form") / "model.npz"
    write_network(path, _perceptron())
    return path


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(2).integers(0, 256, (100, 4, 4, 1), np.uint8)


@pytest.fixture(scope="module")
def ecp5(form, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ulx3s")
    return fpga.convert(form, find_board("fpga", "ulx3s-12f"), folder)


def test_every_runtime_gives_the_same_bits(ecp5, form, pictures):
    expected = logits_of(read_network(form), pictures)
    np.testing.assert_array_equal(fpga.run(ecp5, pictures), expected)
    executed = [(each.file, name) for each in ecp5.files for name in each.runtimes]
    assert {name for _, name in executed} == {"fixed-point", "da4ml", "verilator", "hls4ml"}
    for file, name in executed:
        np.testing.assert_array_equal(open_runtime(name, ecp5.folder / file).run(pictures), expected)
    assert ecp5.must_equal == {"logic", "verilog", "hls"}
    assert ecp5.precision == "fixed-3"


def test_stream_sends_the_label_of_the_largest_logit(ecp5, form, pictures):
    answers = open_verilator(ecp5.folder / "verilog", "NHWC", 1).stream(pictures)
    np.testing.assert_array_equal(answers.labels, logits_of(read_network(form), pictures).argmax(axis=1))
    assert answers.clocks == ecp5.figures["latency_cycles"]


def test_bitstream_and_figures_are_those_of_the_tools(ecp5):
    content = (ecp5.folder / "bitstream" / "ulx3s-12f.bit").read_bytes()
    assert b"Part: LFE5U-12F-6CABGA381" in content[:200]
    figures = ecp5.figures
    assert 200 < figures["cells"] < 3000
    assert figures["flip_flops"] > 16 * 3
    assert figures["clock_mhz"] > 50
    assert figures["latency_ns"] == pytest.approx(figures["latency_cycles"] * 1000 / figures["clock_mhz"])
    assert figures["weights"] == 16 * 6 + 6 * 3
    for log in ("yosys.log", "nextpnr.log", "pack.log"):
        assert (ecp5.folder / "bitstream" / log).stat().st_size > 0
    log = (ecp5.folder / "bitstream" / "nextpnr.log").read_text()
    assert all(f"pin '{pin}$tr_io' constrained to Bel" in log for pin in ("clk", "rx", "tx"))


def test_serial_line_of_the_board_carries_pictures_and_answers(ecp5, form, pictures, tmp_path):
    sources = [str(file) for file in sorted((ecp5.folder / "verilog").glob("*.v"))]
    harness = str(Path(__file__).with_name("uart_harness.cpp"))
    command = [
        *(find_tool("verilator-cli", ""), "--cc", "--exe", "--build", "-Wno-fatal", "-Wno-lint", "-Wno-style"),
        *("-GDIVISOR=8", "--top-module", "top", f"-I{ecp5.folder / 'verilog'}", *sources, harness),
        *("--Mdir", str(tmp_path / "objects"), "-o", str(tmp_path / "top")),
    ]
    run_tool(command, folder=tmp_path, log=tmp_path / "log", seconds=600)
    expected = logits_of(read_network(form), pictures)
    for picture, logits in zip(pictures[:5], expected, strict=False):
        done = subprocess.run(
            [tmp_path / "top", "8", str(1 + 3 * 2)], input=picture.tobytes(), capture_output=True, check=True
        )
        assert done.stdout[0] == logits.argmax()
        codes = np.frombuffer(done.stdout[1:], "<i2")
        interface = read_interface(ecp5.folder / "verilog")
        np.testing.assert_array_equal(np.ldexp(codes, -interface.logits.fraction), logits)


def test_ice40_takes_the_same_network(form, tmp_path):
    artifact = fpga.convert(form, find_board("fpga", "icebreaker"), tmp_path)
    bitstream = (tmp_path / "bitstream" / "icebreaker.bin").read_bytes()
    assert bitstream[:4] == b"\xff\x00\x00\xff"
    assert 200 < artifact.figures["cells"] < 5280
    assert artifact.figures["clock_mhz"] > 12
    assert fpga.check(form, find_board("fpga", "icebreaker")).fits == "yes"


def test_amd_board_gets_the_project_alone(form, pictures, tmp_path):
    artifact = fpga.convert(form, find_board("fpga", "arty-a7-35t"), tmp_path)
    assert [each.file for each in artifact.files] == ["model.npz", "hls"]
    assert "the HLS project alone" in str(artifact.findings[0])
    assert "xc7a35ticsg324-1L" in (tmp_path / "hls" / "project.tcl").read_text()
    found = open_runtime("hls4ml", tmp_path / "hls").run(pictures)
    np.testing.assert_array_equal(found, logits_of(read_network(form), pictures))

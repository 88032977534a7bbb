"""The Coral boards as data, what they change in a verdict, and their DEVICE.md."""

import textwrap
from dataclasses import replace

import pytest

from edge.boards import Figure, boards_of
from edge.targets import coral
from edge.targets.coral.instructions import device_instructions


def test_boards_hold_eight_mebibytes_of_parameters_for_each_edge_tpu():
    boards = boards_of("coral")
    assert {"dev-board", "dev-board-mini", "usb-accelerator", "dev-board-micro"} <= set(boards)
    assert {name for name in boards if name.startswith("m2-accelerator-")} == {
        "m2-accelerator-ae", "m2-accelerator-bm", "m2-accelerator-dual",
    }  # fmt: skip
    for board in boards.values():
        assert board.number("parameter_memory_bytes") == 8 * 2**20
        assert board.word("runtime") in ("litert", "tflite-micro")
        assert all(figure.source.startswith("https://coral.ai/") for figure in board.figures.values())


def test_check_of_a_board_with_less_memory_than_the_file_is_refused(tflite_of):
    board = boards_of("coral")["dev-board-micro"]
    small = replace(board, figures={**board.figures, "memory_bytes": Figure(value=4096, source="https://coral.ai/")})
    verdict = coral.check(tflite_of("cnn", "int8-qat"), small)
    assert (verdict.fits, verdict.board) == ("no", "dev-board-micro")
    assert any("4,096 bytes of memory" in text for text in verdict.refusals)
    assert coral.check(tflite_of("cnn", "int8-qat"), board).fits == "yes"


def test_check_for_the_micro_board_names_the_operators_that_its_firmware_executes(shared):
    model = shared / "edgetpu" / "models" / "deeplabv3_mnv2_dm05_pascal_quant.tflite"
    findings = coral.check(model, boards_of("coral")["dev-board-micro"]).findings
    (rest,) = (finding for finding in findings if finding.operator == "CPU rest")
    assert "ARG_MAX" in rest.reason
    linux = coral.check(model, boards_of("coral")["dev-board"]).findings
    assert not any(finding.operator == "CPU rest" for finding in linux)


def test_device_instructions_show_python_that_compiles():
    text = device_instructions(boards_of("coral")["usb-accelerator"], compiled=True)
    block = textwrap.dedent(text.split("## Python\n")[1])
    compile(block, "DEVICE.md", "exec")
    probe = text.split("python3 -c '")[1].split("'")[0]
    compile(probe.replace("\n    ", "\n"), "DEVICE.md", "exec")


@pytest.mark.parametrize("name", [None, *boards_of("coral")])
def test_convert_writes_device_instructions(name, tflite_of, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    board = boards_of("coral")[name] if name else None
    coral.convert(tflite_of("cnn", "int8-qat"), board, tmp_path)
    text = (tmp_path / "DEVICE.md").read_text()
    titles = [each.title for each in boards_of("coral").values()]
    assert [title for title in titles if f"## {title}\n" in text] == ([board.title] if board else titles)
    assert "apt-get install edgetpu-compiler" in text
    assert "$" not in text.replace('"$PWD"', "")
    micro = board is not None and board.word("runtime") == "tflite-micro"
    assert ("libedgetpu.so.1" in text) != micro
    assert ("coralmicro" in text) == (micro or board is None)
    assert ("Python 3.7" in text) == (board is None or board.word("python") == "3.7")
    assert ("/dev/apex_0" in text) == (board is None or name.startswith("m2"))


def test_convert_with_a_compiled_file_leaves_out_how_to_compile(tflite_of, tmp_path, stand_in):
    stand_in()
    coral.convert(tflite_of("cnn", "int8-qat"), boards_of("coral")["usb-accelerator"], tmp_path)
    assert "docker" not in (tmp_path / "DEVICE.md").read_text()

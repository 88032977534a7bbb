"""The parts of an artefact: each is written, then held against the fixed-point network, before the next is begun."""

from pathlib import Path

import numpy as np

from edge.boards import Board, boards_of
from edge.device.errors import ConversionFailed
from edge.fixed_point.interface import Interface, write_interface
from edge.fixed_point.network import Network
from edge.fixed_point.spans import spans_of
from edge.simulators.da4ml import PROGRAM, open_da4ml
from edge.simulators.hls4ml import open_hls4ml
from edge.simulators.verilator import Verilator, open_verilator
from edge.targets.fpga.agreement import Gate
from edge.targets.fpga.hls import write_project
from edge.targets.fpga.logic import trace, write_verilog
from edge.targets.fpga.stream import write_stream
from edge.targets.fpga.synthesis import implement

OPEN_FAMILIES = ("ecp5", "ice40")
HLS_BOARD = "arty-a7-100t"  # whose part the HLS project names where the board is not AMD's


def build_hls(network: Network, board: Board, folder: Path, gate: Gate) -> None:
    """Write the HLS project for the board's part, or HLS_BOARD's, into the new folder `folder`, and prove it."""
    result = spans_of(network)[-1]
    interface = Interface(shape=network.shape, front=network.front, labels=result.shape[0], logits=result.format)
    amd = boards_of("fpga")[HLS_BOARD] if board.word("family") in OPEN_FAMILIES else board
    folder.mkdir()
    write_project(network, interface, str(amd.word("part")), folder)
    write_interface(folder, interface)
    gate.require_equal("the C++ of hls4ml", open_hls4ml(folder, "NHWC", 1))


def build_logic(network: Network, board: Board, folder: Path, gate: Gate) -> dict[str, float]:
    """Write logic, verilog and bitstream into `folder`, prove the first two, and return what was measured."""
    logic = trace(network)
    interface = Interface(
        shape=network.shape, front=network.front, labels=int(logic.program.shape[1]), logits=logic.logits
    )
    places = {name: folder / name for name in ("logic", "verilog", "bitstream")}
    for place in places.values():
        place.mkdir()
    logic.program.save(places["logic"] / PROGRAM)
    write_interface(places["logic"], interface)
    gate.require_equal("da4ml's program", open_da4ml(places["logic"], "NHWC", 1))
    write_verilog(logic, places["verilog"])
    write_stream(places["verilog"], interface, logic.stages)
    write_interface(places["verilog"], interface)
    simulation = open_verilator(places["verilog"], "NHWC", 1)
    gate.require_equal("the Verilog", simulation)
    clocks = _clocks(simulation, gate)
    made = implement(places["verilog"], board, places["bitstream"])
    return {
        "cells": made.cells,
        "luts": made.luts,
        "flip_flops": made.flip_flops,
        "block_rams": made.block_rams,
        "dsps": made.dsps,
        "clock_mhz": made.clock_mhz,
        "latency_cycles": clocks,
        "latency_ns": clocks * 1000 / made.clock_mhz,
        "pipeline_stages": logic.stages,
        "adder_bits": logic.adder_bits,
    }


def _clocks(simulation: Verilator, gate: Gate) -> int:
    """Clocks from the last pixel to the label, whose answers must be those of the logits."""
    answers = simulation.stream(gate.pictures)
    if not np.array_equal(answers.labels, gate.expected.argmax(axis=1)):
        raise ConversionFailed("the Verilog sends other labels than its logits have; report this network")
    return answers.clocks

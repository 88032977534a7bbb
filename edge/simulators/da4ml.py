"""da4ml's own interpreter of the combinational program from which it writes Verilog."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import Layout
from edge.device.errors import BadArtifact, Unavailable
from edge.fixed_point.interface import Interface, read_interface

PROGRAM = "program.json"


class Da4ml:
    def __init__(self, program: Any, interface: Interface) -> None:
        self._program = program
        self._interface = interface

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        front = self._interface.front
        codes = front.codes(batch).reshape(len(batch), -1)
        inputs = np.ldexp(codes.astype(np.float64), -front.format.fraction)
        try:
            numbers: NDArray[np.float64] = self._program.predict(inputs)
        except RuntimeError as error:
            raise BadArtifact(f"da4ml's interpreter refuses its own program ({error})") from None
        return numbers.astype(np.float32)


def open_da4ml(folder: Path, layout: Layout, threads: int) -> Da4ml:  # noqa: ARG001 - one form for every runtime
    """The program in `folder`, ready to run.

    Raises Unavailable where da4ml is missing, BadArtifact where the program is not one.
    """
    try:
        from da4ml.types import CombLogic
    except ImportError:
        raise Unavailable("the package da4ml is missing; make setup-fpga") from None

    interface = read_interface(folder)
    try:
        program = CombLogic.load(folder / PROGRAM)
    except (OSError, json.JSONDecodeError, AssertionError, TypeError, IndexError) as error:
        raise BadArtifact(f"{folder / PROGRAM}: no program of da4ml's ({error}); export it again") from None
    return Da4ml(program, interface)

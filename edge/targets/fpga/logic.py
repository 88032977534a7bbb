"""A fixed-point network as logic: da4ml turns every product with constants into shifts and adders, then into Verilog.

da4ml: https://github.com/calad0i/da4ml; its method: Sun et al., "da4ml: Distributed Arithmetic for Real-time Neural
Networks on FPGAs" (2025), https://arxiv.org/abs/2507.04535.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.device.errors import ConversionFailed, Unavailable
from edge.fixed_point.evaluate import evaluate
from edge.fixed_point.formats import Format
from edge.fixed_point.network import Network
from edge.targets.fpga.prerequisites import SETUP

# Adders in a row between two registers: with five, nextpnr ended at 50 MHz on an ECP5 of speed grade 6.
ADDERS_IN_A_ROW = 3
# Extra depth that da4ml may add in search of fewer adders.
EXTRA_DEPTH = 2
MODULE = "network"
# Tables are for functions that our layers do not have; yosys would look for their contents.
UNUSED = ("lookup_table.v",)


@dataclass(frozen=True, kw_only=True)
class Logic:
    """What da4ml made of a network.

    `program` is its combinational form, which da4ml's own interpreter executes; `pipeline` the same with registers.
    `logits` is the one format of all outputs of the Verilog wrapper; `adder_bits` da4ml's estimate of LUTs.
    """

    program: Any
    pipeline: Any
    stages: int
    logits: Format
    adder_bits: int
    register_bits: int


def trace(network: Network) -> Logic:
    """Make the logic of `network`.

    Raises Unavailable where da4ml is missing, ConversionFailed where its numbers are not those of the network.
    """
    try:
        from da4ml.trace import FixedVariableArrayInput, HWConfig, comb_trace, to_pipeline
    except ImportError:
        raise Unavailable(f"the package da4ml is missing; {SETUP}") from None

    source = network.front.format
    picture = FixedVariableArrayInput(
        (1, *network.shape), hwconf=HWConfig(1, -1, -1), solver_options={"hard_dc": EXTRA_DEPTH}
    )
    numbers = picture.quantize(int(source.signed), source.integer, source.fraction)
    try:
        program = comb_trace(picture, evaluate(network, numbers), keep_dead_inputs=True)
    except (AssertionError, ValueError, OverflowError) as error:
        raise ConversionFailed(f"da4ml cannot make logic of this network ({error})") from error
    pipeline = to_pipeline(program, ADDERS_IN_A_ROW, verbose=False)
    _require_input(program, source)
    return Logic(
        program=program,
        pipeline=pipeline,
        stages=len(pipeline.solutions),
        logits=_common_format(program.out_kifs),
        adder_bits=round(program.cost),
        register_bits=int(pipeline.reg_bits),
    )


def write_verilog(logic: Logic, folder: Path) -> None:
    """Write the Verilog modules of `logic` into `folder`, flat: `network_wrapper` is the one to use."""
    from tempfile import TemporaryDirectory

    from da4ml.codegen import RTLModel

    with TemporaryDirectory() as place:
        RTLModel(logic.pipeline, MODULE, place, flavor="verilog").write()
        for file in sorted(Path(place, "src").rglob("*.v")):
            if file.name not in UNUSED:
                (folder / file.name).write_bytes(file.read_bytes())


def _require_input(program: Any, source: Format) -> None:
    """The wrapper's input must be one number of the front's format for each byte, side by side."""
    found = _common_format(program.inp_kifs)
    if (found.bits, found.fraction) != (source.bits, source.fraction):
        raise ConversionFailed(f"da4ml made the input {found}, the network's front gives {source}; report this network")


def _common_format(formats: Any) -> Format:
    """The format of da4ml's wrappers: as many bits on each side of the point as any of its numbers needs."""
    signs, integers, fractions = (int(row.max()) for row in formats)
    return Format(signed=bool(signs), bits=signs + integers + fractions, fraction=fractions)

"""The byte stream around the logic: our own Verilog, and the numbers that fit it to one network."""

from math import prod
from pathlib import Path

from edge.fixed_point.interface import Interface
from edge.simulators.verilator import logit_bytes

SOURCES = Path(__file__).with_name("verilog")


def write_stream(folder: Path, interface: Interface, stages: int) -> None:
    """Write stream.v, uart.v, top.v and parameters.vh into `folder`, beside the logic of `stages` pipeline stages."""
    for source in sorted(SOURCES.glob("*.v")):
        (folder / source.name).write_bytes(source.read_bytes())
    numbers = {
        "PIXELS": prod(interface.shape),
        "PIXEL_BITS": interface.front.format.bits,
        "ZERO_POINT": interface.front.zero_point,
        "DROPPED_BITS": interface.front.dropped,
        "LABELS": interface.labels,
        "LOGIT_BITS": interface.logits.bits,
        "LOGIT_SIGNED": f"1'b{int(interface.logits.signed)}",
        "LOGIT_BYTES": logit_bytes(interface),
        "NETWORK_CYCLES": stages + 1,  # a register before each stage and one behind the last
    }
    lines = [f"`define {name} {value}" for name, value in numbers.items()]
    (folder / "parameters.vh").write_text("\n".join(lines) + "\n")

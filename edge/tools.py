"""External programs: found or named with the command that installs them, bounded in time, their words kept."""

import shutil
import subprocess
import sys
from pathlib import Path

from edge.device.errors import ConversionFailed, Unavailable


def find_tool(name: str, advice: str) -> str:
    """The path of a program: beside this Python, where pip puts it, or on PATH.

    Raises Unavailable with `advice` where it is in neither.
    """
    beside = shutil.which(name, path=str(Path(sys.executable).parent))
    found = beside or shutil.which(name)
    if found is None:
        raise Unavailable(f"the program {name} is missing; {advice}")
    return found


def run_tool(command: list[str], *, folder: Path, log: Path, seconds: float) -> None:
    """Run `command` in `folder`, all that it prints into `log`, killed after `seconds`.

    Raises ConversionFailed with the first error that it wrote where it fails or takes longer.
    """
    name = Path(command[0]).name
    with log.open("wb") as words:
        words.write((" ".join(command) + "\n\n").encode())
        words.flush()
        try:
            done = subprocess.run(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=words, stderr=words, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            raise ConversionFailed(
                f"{name}: not done after {seconds:.0f} s and stopped; make the network smaller"
            ) from None
    if done.returncode != 0:
        lines = log.read_text(errors="replace").strip().splitlines()
        telling = next((line for line in lines if "error" in line.lower()), lines[-1])
        raise ConversionFailed(f"{name}: ended with code {done.returncode}: {telling[:300]}")

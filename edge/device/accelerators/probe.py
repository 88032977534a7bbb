"""A first picture on an accelerator, in a process of its own: drivers that do not fit end the one that loads them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import edge
from edge.device.errors import EdgewiseError, Unavailable

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from edge.device.accelerators.probe import main; sys.exit(main(sys.argv[2:]))"
)
_MARK = "probe: "  # before the sentence that is meant, among what drivers print


def probe(runtime: str, artifact: Path, file: str, threads: int, engines: Path, seconds: float, crash: str) -> None:
    """Open `file` of `artifact` in `runtime` and run one golden picture, in a child that has `seconds`.

    Raises Unavailable with the reason where the child refuses, dies (which means `crash`), or does not end.
    """
    # The parent's path, whatever it was started with: a zipapp, --user packages, PYTHONPATH.
    path = [str(Path(str(edge.__file__)).parents[1]), *sys.path]
    command = [sys.executable, "-I", "-c", _START, json.dumps(path)]
    command += [runtime, str(artifact), file, str(threads), str(engines)]
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # so that its own children can be ended with it
    )
    try:
        said, _ = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"the probe did not end within {seconds:g} s; is the device stuck?") from None
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
    if child.returncode != 0:
        raise Unavailable(_reason(child.returncode, said.decode(errors="replace"), crash))


def main(arguments: list[str]) -> int:
    """The child: exit 0 where the first golden picture was answered."""
    from edge.device.accelerators import ACCELERATORS
    from edge.device.contract import read_contract
    from edge.device.golden import read_golden

    runtime, artifact, file, threads, engines = arguments
    folder = Path(artifact)
    try:
        contract, golden = read_contract(folder), read_golden(folder)
        executor = ACCELERATORS[runtime].open(folder / file, contract, int(threads), Path(engines))
        executor.run(golden.inputs[:1])
    except (EdgewiseError, OSError) as error:
        sys.stderr.write(f"\n{_MARK}{' '.join(str(error).split())}\n")
        return EdgewiseError.exit_code
    return 0


def _reason(code: int, said: str, crash: str) -> str:
    if code < 0:
        return f"the probe ended by {_signal_name(-code)}: {crash}"
    lines = [line.strip() for line in said.splitlines() if line.strip()] or [f"exit {code}"]
    meant = [line[len(_MARK) :] for line in lines if line.startswith(_MARK)]
    return meant[-1] if meant else f"the probe failed: {lines[-1]}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

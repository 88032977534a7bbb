"""A peer's model file, made by its program in its environment and kept for the next time."""

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from edge.device.errors import Unavailable
from edge.device.files import replace_folder, sha256_of
from pipeline.bench.environments import make_environment
from pipeline.bench.peers.candidates import Peer

_HERE = Path(__file__).parent
_SECONDS = 1800  # tfmot trains


def make_file(peer: Peer, seed: int, materials: Path) -> Path:
    """The model file that `peer` makes of `materials` with the calibration set of `seed`; kept in materials/peers until
    its program or its environment changes.

    Raises Unavailable where its environment cannot be made or its program fails, with the last that it said.
    """
    program = _HERE / "programs" / f"{peer.program}.py"
    origin = sha256_of(program) + (sha256_of(_lock(peer.lock)) if peer.lock is not None else repr(versions(peer)))
    name = "-".join((peer.program, *peer.arguments, *((str(seed),) if peer.seeded else ())))
    place = materials / "peers" / name
    stamp = place / "made-from"
    if stamp.exists() and stamp.read_text() == origin:
        return place / peer.file
    python = sys.executable if peer.lock is None else str(make_environment(_lock(peer.lock)) / "python")
    new = place.with_name(f".{place.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    _run(python, str(program), str(materials), str(seed), str(new / peer.file), *peer.arguments)
    (new / stamp.name).write_text(origin)
    replace_folder(new, place)
    return place / peer.file


def versions(peer: Peer) -> dict[str, str]:
    """The versions of its packages, from its lock file or our own environment."""
    if peer.lock is None:
        return {name: version(name) for name in peer.packages}
    pinned = dict(re.findall(r"^([a-z0-9-]+)==([^\s;\\]+)", _lock(peer.lock).read_text(), re.MULTILINE))
    return {name: pinned[name] for name in peer.packages}


def _lock(name: str) -> Path:
    return _HERE / "requirements" / f"{name}.lock"


def _run(*command: str) -> None:
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, env=quiet)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{Path(command[1]).name}: not done after {_SECONDS} s") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Unavailable(f"{Path(command[1]).name}: exit status {done.returncode}: {last[:500]}")

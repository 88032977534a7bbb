"""What a device is and has, as JSON. With "hold" it is the one deployment at work there until its input ends, or is
silent for too long; {"busy": "what"} where another is.

Arguments: root, empty for the device's own choice; "look" or "hold"; seconds of silence; seconds to wait for another
deployment, and for an install.
"""

import fcntl
import hashlib
import json
import os
import platform
import select
import shutil
import sys
import time
from pathlib import Path
from typing import IO, Any, Dict, List, Optional  # noqa: UP035 - Python 3.6


def content(path: Path) -> Optional[bytes]:  # noqa: UP045
    try:
        return path.read_bytes()
    except OSError:
        return None


def files(folder: Path) -> List[Path]:  # noqa: UP006
    return sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []


def standing(path: Path) -> Path:
    """The folder itself, or the one above it that is there."""
    return next(each for each in (path, *path.parents) if each.is_dir())


def facts(root: Path) -> Dict[str, Any]:  # noqa: UP006
    described = content(root / "current" / "bundle.json")
    board = content(Path("/proc/device-tree/model"))
    keys = [path.read_bytes().decode("ascii", "replace") for path in files(root / "trusted")]
    return {
        "root": str(root),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "model": board.decode("utf-8", "replace").rstrip("\0\n") if board else None,
        "free_bytes": shutil.disk_usage(str(standing(root))).free,
        "writable": os.access(str(standing(root)), os.W_OK | os.X_OK),
        "trusted": keys,
        "installed": hashlib.sha256(described).hexdigest() if described else None,
        "own_runner": (root / "current" / "edgewise-device.pyz").is_file(),
        "incoming": {path.name: path.stat().st_size for path in files(root / "incoming")},
    }


def say(told: Dict[str, Any]) -> None:  # noqa: UP006
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def lock(path: Path, seconds: float) -> Optional[IO[str]]:  # noqa: UP045
    """Held until the file is closed; None where another holds it for so long."""
    file = path.open("a")
    end = time.time() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.time() > end:
                return None
            time.sleep(0.05)
        else:
            return file


def hold(root: Path, silence: float, for_deployment: float, for_install: float) -> None:
    (root / "incoming").mkdir(parents=True, exist_ok=True)
    # What a deployment that was cut off left at work may be about to end: its like of this, and its install.
    held, installing = lock(root / "incoming" / "lock", for_deployment), None
    if held is not None:
        installing = lock(root / "lock", for_install)
    if held is None or installing is None:
        say({"busy": "deployment" if held is None else "install, update or rollback"})
        return
    installing.close()
    say(facts(root))
    while select.select([0], [], [], silence)[0] and os.read(0, 4096):
        pass


def main(told: str, mode: str, *seconds: float) -> None:
    place = Path(told or os.environ.get("EDGEWISE_ROOT") or "~/edgewise").expanduser()
    root = Path.cwd() / place
    if mode == "hold":
        hold(root, *seconds)
    else:
        say(facts(root))


try:
    main(sys.argv[1], sys.argv[2], *map(float, sys.argv[3:]))
except OSError as error:
    say({"error": f"{error.filename or 'device'}: {error.strerror or error}"})

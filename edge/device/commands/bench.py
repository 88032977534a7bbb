"""bench: how fast the model is on this device, and what it answers; a file that the report shows beside the host's."""

from __future__ import annotations

import argparse
import platform
import re
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.device.errors import BadData, BadSetting
from edge.device.slots import Root, read_device
from edge.device.subject import add_subject, artifact_of, root_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge.device.bench_file import Answered, Latency
    from edge.device.loading import Loaded

HELP = "Measure latency, loading, memory and warmth, check the answers, and write a file for the report."

_WARM_UP = 0.5  # seconds: clocks rise, caches fill
_FEWEST = 20  # runs, however slow: below that there is no 99th percentile to speak of
_MOST_LOGITS = 200_000  # kept of pictures that are not golden; a file of some megabytes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_subject(parser)
    parser.add_argument("--runs", type=int, default=1000, help="pictures to time, one by one (default: 1000)")
    parser.add_argument("--seconds", type=float, default=30.0, help="at most, but for the first 20 (default: 30)")
    parser.add_argument("--threads", type=int, default=1, help="of the runtime (default: 1)")
    parser.add_argument(
        "--pictures", type=Path, help="answer these, too: a folder of pictures, or the images.npy of a run's data"
    )
    parser.add_argument("--device", default=platform.node() or "device", help="its name (default: %(default)s)")
    parser.add_argument("--output", type=Path, help="the file (default: DEVICE-TARGET-RUNTIME.json)")


def main(arguments: argparse.Namespace) -> int:
    if arguments.runs < 1:
        raise BadSetting(f"--runs {arguments.runs}: expected 1 or more")
    import numpy as np  # noqa: F401 - before the clock starts: it is no part of loading a model

    from edge.device.bench_file import Bench, write_bench
    from edge.device.loading import load
    from edge.device.thermal import slowed, temperature, throttling

    root = root_of(arguments)
    with artifact_of(arguments) as artifact:
        before = throttling()
        start = time.perf_counter()
        loaded = load(artifact, arguments.runtime, engines=root.engines, threads=arguments.threads)
        load_ms = 1000 * (time.perf_counter() - start)
        for sentence in loaded.fallback:
            sys.stderr.write(f"{sentence}\n")
        latency = _time(loaded, arguments.runs, arguments.seconds)
        bench = Bench(
            device=arguments.device,
            board=_board(root),
            runtime=loaded.runtime,
            versions={**loaded.versions, "python": platform.python_version()},
            sha256=loaded.sha256,
            latency_ms=latency,
            load_ms=round(load_ms, 3),
            peak_bytes=_peak_bytes(),
            temperature=temperature(),
            throttled=slowed(before, throttling()),
            golden=_answered(loaded.executor.run(loaded.golden.inputs), (), keeps=True),
            blind_test=None if arguments.pictures is None else _answer_pictures(loaded, arguments.pictures),
        )
    target = loaded.contract.target
    output = arguments.output or Path(f"{_plain(arguments.device)}-{target}-{loaded.runtime}.json")
    write_bench(output, bench)
    told = f"p50 {latency.p50:g} ms, p90 {latency.p90:g} ms, p99 {latency.p99:g} ms in {loaded.runtime}"
    sys.stdout.write(f"{told}; {output}\n")
    return 0


def _time(loaded: Loaded, runs: int, seconds: float) -> Latency:
    """Milliseconds of golden pictures, one at a time, once everything is warm."""
    from edge.device.bench_file import Latency

    pictures, run = loaded.golden.inputs, loaded.executor.run
    warm = time.perf_counter() + _WARM_UP
    while time.perf_counter() < warm:
        run(pictures[:1])
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while len(taken) < runs and (len(taken) < _FEWEST or time.perf_counter() < end):
        at = len(taken) % len(pictures)
        start = time.perf_counter()
        run(pictures[at : at + 1])
        taken.append(1000 * (time.perf_counter() - start))
    taken.sort()
    p50, p90, p99 = (round(taken[-(-len(taken) * share // 100) - 1], 4) for share in (50, 90, 99))  # nearest rank
    return Latency(p50=p50, p90=p90, p99=p99)


def _answer_pictures(loaded: Loaded, path: Path) -> Answered:
    """Answers on pictures by their digests, each once."""
    import numpy as np

    from edge.device.bench_file import picture_digest

    found: dict[str, NDArray[np.float32]] = {}
    for pixels in _pictures(loaded, path):
        digest = picture_digest(pixels.tobytes())
        if digest not in found:
            found[digest] = loaded.executor.run(pixels[np.newaxis])[0]
    if not found:
        raise BadData(f"{path}: no picture there; expected a folder of pictures, or a run's data/images.npy")
    logits = np.stack(list(found.values()))
    return _answered(logits, tuple(found), keeps=logits.size <= _MOST_LOGITS)


def _pictures(loaded: Loaded, path: Path) -> Any:
    """Inputs of the model, uint8 [h, w, c]; what cannot be read is named and left out."""
    import numpy as np

    from edge.device.pictures import frames_of

    contract = loaded.contract.input
    if path.suffix == ".npy":
        try:
            pictures = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise BadData(f"{path}: not readable ({error}); expected an array of pictures") from None
        if pictures.dtype != np.uint8 or pictures.shape[1:] != contract.picture:
            raise BadData(
                f"{path}: holds {pictures.dtype} {list(pictures.shape)}; expected uint8 [n, "
                f"{', '.join(map(str, contract.picture))}], pictures of the model's size"
            )
        yield from pictures
        return
    for frame in frames_of([path], contract, raw=False):
        if frame.pixels is None:
            sys.stderr.write(f"{frame.source}: {frame.error}; left out\n")
        else:
            yield frame.pixels


def _answered(logits: NDArray[np.float32], digests: tuple[str, ...], *, keeps: bool) -> Answered:
    from edge.device.bench_file import Answered

    return Answered(
        labels=tuple(int(each) for each in logits.argmax(axis=1)),
        logits=tuple(tuple(map(float, row)) for row in logits) if keeps else None,
        pictures=digests,
    )


def _peak_bytes() -> int:
    """The most that this process held. What getrusage tells may be more: it begins with what our parent held."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        status = ""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    # Both in kibibytes.
    return 1024 * (int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _board(root: Root) -> str:
    """The board that the device was enrolled as, what its firmware calls it, or the processor's kind."""
    device = read_device(root)
    if device is not None and device.board:
        return device.board
    try:
        model = Path("/proc/device-tree/model").read_text(encoding="utf-8", errors="replace")
    except OSError:
        model = ""
    return model.strip("\0 \n") or platform.machine() or "unknown"


def _plain(name: str) -> str:
    """A name as a part of a file's."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".") or "device"

"""No server: the calls that a program would make itself. Reads from each line of its input for how many seconds to go
on, and answers with the figures of a `Turn`."""

import dataclasses
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge.device.image import read_image
from pipeline.bench.serving.apps.subject import ARTIFACT, RUNTIME
from pipeline.bench.serving.figures import Turn, percentile
from serving.model import load_model
from serving.settings import RUNTIMES


def main() -> None:
    """Takes one argument, the file with the bytes of a tensor or a picture."""
    wanted = next(name for name, runtime in RUNTIMES.items() if runtime == os.environ[RUNTIME])
    model = load_model(Path(os.environ[ARTIFACT]), wanted)
    source = model.contract.input
    content = Path(sys.argv[1]).read_bytes()

    def tensor() -> None:
        model.logits(np.frombuffer(content, np.uint8).reshape(source.shape))

    def picture() -> None:
        model.logits(read_image(content, source)[np.newaxis])

    call = {"tensor": tensor, "picture": picture}[os.environ["BENCH_TASK"]]
    print("ready", flush=True)  # noqa: T201 - its standard output is a protocol
    for line in sys.stdin:
        print(json.dumps(dataclasses.asdict(_turn(call, float(line)))), flush=True)  # noqa: T201


def _turn(call: Callable[[], None], seconds: float) -> Turn:
    taken = []
    cpu = time.process_time()  # what /proc/PID/stat tells from outside
    start = now = time.perf_counter()
    while now < start + seconds:
        before = now
        call()
        now = time.perf_counter()
        taken.append(now - before)
    return Turn(
        throughput=len(taken) / (now - start),
        cpu=(time.process_time() - cpu) / len(taken),
        p50=statistics.median(taken),
        p99=percentile(taken, 0.99),
    )


if __name__ == "__main__":
    main()

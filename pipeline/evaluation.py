"""Running a model file over many pictures, and what its logits say."""

import os
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import Layout
from edge.device.runtimes import Runtime
from edge.runtimes import open_runtime
from pipeline.data.dataset import Samples
from pipeline.data.source import Report
from pipeline.quiet import silent_stderr
from pipeline.statistics import wilson_interval

Logits = NDArray[np.float32]

# Shares of whole samples: a billionth forgives the rounding of a subtraction and no sample.
ROUNDING = 1e-9

_CHUNK = 32  # pictures a worker takes at once


@dataclass(frozen=True, kw_only=True)
class FloatLogits:
    """What the float Keras model answered, float32 [n, classes]."""

    validation: Logits
    blind_test: Logits


def float_logits(trained: Path) -> FloatLogits:
    """The float model's answers, which the train stage keeps in its folder."""
    with np.load(trained / "float.npz", allow_pickle=False) as arrays:
        return FloatLogits(validation=arrays["validation"], blind_test=arrays["blind_test"])


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Top-1 as a share, with its 95 % Wilson interval, over `count` samples."""

    top1: float
    interval: tuple[float, float]
    count: int


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Milliseconds from raw bytes to logits, one picture, one thread."""

    p50: float
    p99: float


def evaluate_logits(logits: Logits, labels: NDArray[np.int32]) -> Accuracy:
    """Accuracy of float32 logits [n, classes] against int32 labels [n]."""
    right = int(np.count_nonzero(logits.argmax(1) == labels))
    return Accuracy(top1=right / len(labels), interval=wilson_interval(right, len(labels)), count=len(labels))


def agreement(logits: Logits, reference: Logits) -> float:
    """The share of samples on which both give the same label."""
    return float(np.mean(logits.argmax(1) == reference.argmax(1)))


def open_quietly(runtime: str, file: Path, layout: Layout) -> Runtime:
    """`open_runtime` without what LiteRT says from C++ about the delegate that it made."""
    with silent_stderr():
        return open_runtime(runtime, file, layout=layout)


def run_in(runtime: str, file: Path, samples: Samples, report: Report, words: str, layout: Layout = "NHWC") -> Logits:
    """Logits of all samples, float32 [n, classes]; one interpreter for each core, as one serves one thread."""
    starts = range(0, len(samples), _CHUNK)
    workers = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1, len(starts))
    idle: queue.SimpleQueue[Runtime] = queue.SimpleQueue()
    for _ in range(workers):
        idle.put(open_quietly(runtime, file, layout))
    done, lock = 0, threading.Lock()

    def chunk(start: int) -> Logits:
        nonlocal done
        positions = np.arange(start, min(start + _CHUNK, len(samples)))
        interpreter = idle.get()
        try:
            logits = interpreter.run(samples.pick(positions))
        finally:
            idle.put(interpreter)
        with lock:
            done += len(positions)
            report(words, done, len(samples))
        return logits

    with ThreadPoolExecutor(workers) as pool:
        return np.concatenate(list(pool.map(chunk, starts)))


def measure_latency(runtime: Runtime, pictures: NDArray[np.uint8], seconds: float = 1.0) -> Latency:
    """Time single pictures one after the other, after a warm-up, for about `seconds` and at least 50 runs."""
    for at in range(10):
        runtime.run(pictures[at % len(pictures)][np.newaxis])
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 50 or (time.perf_counter() < end and len(times) < 5000):
        picture = pictures[len(times) % len(pictures)][np.newaxis]
        start = time.perf_counter()
        runtime.run(picture)
        times.append(time.perf_counter() - start)
    p50, p99 = np.percentile(times, (50, 99)) * 1e3
    return Latency(p50=float(p50), p99=float(p99))

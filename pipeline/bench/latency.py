"""How long one picture takes on one thread: our artefacts, the float network elsewhere, and the peers' int8 files."""

import functools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.device.contract import Layout
from edge.device.errors import EdgewiseError
from edge.device.files import sha256_of
from edge.runtimes import SIMULATORS
from pipeline.bench.callers import Caller, open_caller, single_thread
from pipeline.bench.cores import divide, running_on
from pipeline.bench.materials import KERAS, ONNX, SEEDS, TFLITE, make_materials
from pipeline.bench.peers.candidates import PEERS
from pipeline.bench.peers.making import make_file
from pipeline.bench.prepared import Array, prepare
from pipeline.bench.process_tree import watching_others
from pipeline.bench.subject import Subject
from pipeline.interleave import ratio, take_turns
from pipeline.isolate import Child

BASE = "tf.function"  # what all are compared with
OURS, FLOAT, PEER = "ours", "float", "peer"

_PICTURES = 64  # in turn, so that no cache knows the next
_LEAST = 20  # calls of a turn, however slow

# The float network in each runtime: the file among the materials, and the caller.
_FLOAT = {
    "Keras model(x)": (KERAS, "Keras model(x)"),
    BASE: (KERAS, "tf.function"),
    "LiteRT float": (TFLITE, "litert"),
    "ONNX Runtime float": (ONNX, "onnxruntime"),
    "OpenVINO float": (ONNX, "openvino"),
    "OpenVINO float, own precision": (ONNX, "OpenVINO, own precision"),
}


@dataclass(frozen=True, kw_only=True)
class Pace:
    """`rounds`, and `seconds` of each turn."""

    rounds: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Entry:
    """`file` in `runtime` on `pictures`, as it takes them. `whose`: OURS, FLOAT or PEER."""

    whose: str
    file: Path
    runtime: str
    pictures: Array
    layout: Layout = "NHWC"


def latency(subject: Subject, pace: Pace, say: Callable[[str], None]) -> dict[str, Any]:
    """Medians in microseconds and how many times faster each is than `tf.function`; `missing` says what could not be
    timed, and why.

    Ours are timed from raw bytes on, as the product is used; the others get their pictures ready made, of their own
    type and order of axes, so that what a user would have to spend on that is not counted against them.
    """
    pictures = subject.blind.pick(np.arange(min(_PICTURES, len(subject.blind))))
    materials = make_materials(subject)
    entries = ours(subject, pictures)
    for name, (file, runtime) in _FLOAT.items():
        ready = prepare(materials / file, subject, pictures)
        entries[name] = Entry(whose=FLOAT, file=materials / file, runtime=runtime, pictures=ready)
    missing: dict[str, str] = {}
    for name, peer in PEERS.items():
        say(name)
        try:
            made = make_file(peer, SEEDS[0], materials)
            ready = prepare(made, subject, pictures)
        except EdgewiseError as error:
            missing[name] = str(error)
            say(f"{name}: missing: {error}")
            continue
        entries[name] = Entry(whose=PEER, file=made, runtime=peer.runtime, pictures=ready)
    say(f"{len(entries)} take turns: about {(pace.rounds + 1) * len(entries) * pace.seconds:.0f} s")
    with Child() as child:
        seconds, others = child.call(time_entries, entries, pace)
    return {"rounds": pace.rounds, "cores_busy_with_others": others, **figures_of(entries, seconds), "missing": missing}


def ours(subject: Subject, pictures: Array) -> dict[str, Entry]:
    """Every proven file in every runtime that is no simulator; a file that several targets share stands once."""
    shared: dict[tuple[str, str], list[tuple[str, Entry]]] = {}
    for folder, contract in subject.artefacts.items():
        for model in contract.files:
            for runtime in (each for each in model.runtimes if each not in SIMULATORS):
                file, layout = folder / model.file, contract.input.layout
                entry = Entry(whose=OURS, file=file, runtime=runtime, pictures=pictures, layout=layout)
                words = f"{model.file}, {contract.precision}, {runtime}"
                shared.setdefault((sha256_of(file), runtime), []).append((f"{contract.target}: {words}", entry))
    return {
        ", ".join([*(name.split(":")[0] for name, _ in others), last]): entry
        for *others, (last, entry) in shared.values()
    }


def time_entries(entries: dict[str, Entry], pace: Pace) -> tuple[dict[str, list[float]], float]:
    """The median seconds of a call of each entry in each round, on one core, and how many cores others kept busy; for
    `Child.call`, in a process that has not used TensorFlow.

    Raises BadArtifact where a file cannot be read.
    """
    single_thread()
    with running_on(divide().server):
        calls = {name: open_caller(each.runtime, each.file, each.layout) for name, each in entries.items()}
        turns = {
            name: functools.partial(_turn, calls[name], each.pictures, pace.seconds) for name, each in entries.items()
        }
        with watching_others() as others:
            seconds = take_turns(turns, pace.rounds)
    return seconds, others[0]


def _turn(call: Caller, pictures: Array, seconds: float) -> float:
    """The median of a turn's calls without the first fifth, in which caches fill."""
    singles = [pictures[at : at + 1] for at in range(len(pictures))]
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < _LEAST or time.perf_counter() < end:
        picture = singles[len(times) % len(singles)]
        start = time.perf_counter()
        call(picture)
        times.append(time.perf_counter() - start)
    return statistics.median(times[len(times) // 5 :])


def figures_of(entries: dict[str, Entry], seconds: dict[str, list[float]]) -> dict[str, Any]:
    fastest = {
        whose: min(
            (name for name, each in entries.items() if each.whose == whose),
            key=lambda name: statistics.median(seconds[name]),
            default=None,
        )
        for whose in (OURS, PEER)
    }
    ours, peer = fastest[OURS], fastest[PEER]
    return {
        "entries": {
            name: {
                "whose": each.whose,
                "runtime": each.runtime,
                "p50_us": round(1e6 * statistics.median(seconds[name]), 2),
                "times_as_fast_as_tf_function": round(ratio(seconds, name, BASE), 3),
            }
            for name, each in entries.items()
        },
        "fastest": fastest,
        **({"ours_against_fastest_peer": round(ratio(seconds, peer, ours), 3)} if ours and peer else {}),
    }

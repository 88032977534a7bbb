"""The contest: each peer over the same calibration seeds, our int8 after training over the same, and what we ship."""

import hashlib
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edge.device.errors import ConversionFailed, EdgewiseError
from edge.device.files import write_bytes
from edge.target import size_of_model
from pipeline.bench.callers import answers
from pipeline.bench.materials import PICTURES, SEEDS, calibration_pictures, make_materials
from pipeline.bench.peers.candidates import PEERS, Peer
from pipeline.bench.peers.comparison import Right, compare, compare_over_seeds
from pipeline.bench.peers.making import make_file, versions
from pipeline.bench.prepared import prepare
from pipeline.bench.subject import Subject
from pipeline.evaluation import Logits
from pipeline.forms import make_form
from pipeline.isolate import Child
from pipeline.stage import source_hash

Say = Callable[[str], None]

SHIPPED, PTQ = "Edgewise, as shipped", "Edgewise, int8 after training"
OURS = (SHIPPED, PTQ)

_SAME = 1e-3  # of logits: how far float answers of two runtimes may be apart by rounding alone


def contest(subject: Subject, say: Say) -> dict[str, Any]:
    """Top-1, size and the paired comparisons of all that could be made; `missing` says why the others could not."""
    materials = make_materials(subject)
    entries: dict[str, dict[str, Any]] = {}
    right: dict[str, list[Right]] = {}
    missing: dict[str, str] = {}
    with Child() as child:
        judge = _Judge(subject, child)
        for name, make in _ways(subject, materials, judge, say).items():
            try:
                entries[name], right[name] = make()
            except EdgewiseError as error:
                missing[name] = str(error)
                say(f"{name}: missing: {error}")
    for name in PEERS:
        if name in entries:
            entries[name]["against"] = {
                own: {
                    **compare_over_seeds(right[own], right[name]),
                    "seeds": [compare(*each) for each in _matched(right[own], right[name])],
                }
                for own in OURS
                if own in right
            }
    return {
        "samples": len(subject.blind),
        "seeds": list(SEEDS),
        "calibration_pictures": PICTURES,
        "float_top1": round(float(np.mean(subject.float_logits.argmax(1) == subject.blind.labels)), 6),
        "entries": entries,
        "missing": missing,
    }


Made = tuple[dict[str, Any], list[Right]]


def _ways(subject: Subject, materials: Path, judge: "_Judge", say: Say) -> dict[str, Callable[[], Made]]:
    ways: dict[str, Callable[[], Made]] = {
        SHIPPED: lambda: _shipped(subject, judge, say),
        PTQ: lambda: _own_ptq(subject, materials, judge, say),
    }
    for name, peer in PEERS.items():
        ways[name] = lambda name=name, peer=peer: _peer(name, peer, materials, judge, say)  # type: ignore[misc]
    return ways


class _Judge:
    """Asks model files about the blind test, in a child that a file may crash."""

    def __init__(self, subject: Subject, child: Child) -> None:
        self._subject = subject
        self._child = child
        self._pictures = subject.blind.all()

    def logits(self, file: Path, runtime: str) -> Logits:
        """What `file` answers, float32 [n, classes]."""
        return self._child.call(answers, runtime, file, prepare(file, self._subject, self._pictures))

    def entry(self, files: list[Path], runtime: str, how: str, versions_: dict[str, str]) -> Made:
        """Figures of one way to int8, from a file for each seed, or one."""
        right = [self.logits(file, runtime).argmax(1) == self._subject.blind.labels for file in files]
        top1 = [float(each.mean()) for each in right]
        float_top1 = float(np.mean(self._subject.float_logits.argmax(1) == self._subject.blind.labels))
        figures = {
            "runtime": runtime,
            "how": how,
            "versions": versions_,
            "bytes": max(size_of_model(file) for file in files),
            "top1": [round(each, 6) for each in top1],
            "mean_drop": round(float_top1 - statistics.mean(top1), 6),
            "worst_drop": round(float_top1 - min(top1), 6),
        }
        return figures, right

    def require_same_float(self, file: Path, runtime: str) -> None:
        """Raise ConversionFailed where the float `file` does not answer what the trained model does."""
        difference = float(np.abs(self.logits(file, runtime) - self._subject.float_logits).max())
        if not difference <= _SAME:
            raise ConversionFailed(
                f"its float model {file.name} in {runtime} answers otherwise than the trained one: logits differ by up "
                f"to {difference:g}, {_SAME:g} are allowed; a comparison would say nothing"
            )


def _shipped(subject: Subject, judge: _Judge, say: Say) -> Made:
    say(SHIPPED)
    folder, contract = next((key, value) for key, value in subject.artefacts.items() if value.target == "cpu")
    return judge.entry([folder / contract.file_for("litert")], "litert", contract.precision, {})


def _own_ptq(subject: Subject, materials: Path, judge: _Judge, say: Say) -> Made:
    origin = hashlib.sha256(source_hash("quantize").encode()).hexdigest()[:16]
    files = []
    for seed in SEEDS:
        say(f"{PTQ}, seed {seed}")
        file = materials / "peers" / f"edgewise-{origin}-{seed}" / "model.tflite"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            pictures = calibration_pictures(subject, seed)
            with Child() as child:
                pixels = (subject.scale, subject.zero_point)
                write_bytes(file, child.call(make_form, subject.model, "int8-ptq", *pixels, pictures, None, False))
        files.append(file)
    return judge.entry(files, "litert", "int8-ptq", {})


def _peer(name: str, peer: Peer, materials: Path, judge: _Judge, say: Say) -> Made:
    say(f"{name}: its float model")
    judge.require_same_float(materials / peer.source, peer.source_runtime)
    files = []
    for seed in SEEDS if peer.seeded else SEEDS[:1]:
        say(f"{name}, seed {seed}" if peer.seeded else name)
        files.append(make_file(peer, seed, materials))
    return judge.entry(files, peer.runtime, peer.how, versions(peer))


def _matched(ours: list[Right], peer: list[Right]) -> list[tuple[Right, Right]]:
    """Ours and the peer's of each seed; what has no seeds stands beside every one."""
    count = max(len(ours), len(peer))
    return [(ours[at % len(ours)], peer[at % len(peer)]) for at in range(count)]

"""The parts of `make bench`, each of which can be measured alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.bench.conversion import conversion
from pipeline.bench.latency import Pace, latency
from pipeline.bench.peers.contest import contest
from pipeline.bench.subject import open_subject
from pipeline.data.dataset import Samples, Split, load_dataset
from pipeline.quiet import load_tensorflow


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What a part is measured with: the finished run, how long, and whom to tell how far it is."""

    run: Path
    quick: bool
    say: Callable[[str], None]


def _training(bench: Bench) -> dict[str, Any]:
    load_tensorflow()
    from pipeline.bench.training import measure_training, random_samples

    samples, words = _training_pictures(bench.run)
    return {"data": words, **measure_training(samples or random_samples(), ("float32", "mixed_bfloat16"))}


def _training_pictures(run: Path) -> tuple[Samples | None, str]:
    folder = run / "data"
    if (folder / "manifest.json").exists():
        return load_dataset(folder).part(Split.TRAINING), f"the training split of runs/{run.name}"
    return None, "random pictures of CIFAR-10's size; train recipes/cifar10.toml first for the real ones"


def _conversion(bench: Bench) -> dict[str, Any]:
    return conversion(open_subject(bench.run), 1 if bench.quick else 3, bench.say)


def _peers(bench: Bench) -> dict[str, Any]:
    return contest(open_subject(bench.run), bench.say)


def _latency(bench: Bench) -> dict[str, Any]:
    pace = Pace(rounds=3, seconds=0.05) if bench.quick else Pace(rounds=15, seconds=0.25)
    return latency(open_subject(bench.run), pace, bench.say)


PARTS: Mapping[str, Callable[[Bench], dict[str, Any]]] = {
    "conversion": _conversion,
    "peers": _peers,
    "latency": _latency,
    "training": _training,  # last: TensorFlow's threads stay in this process
}

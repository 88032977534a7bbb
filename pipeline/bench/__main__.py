"""`make bench`: measure, print, and write docs/benchmarks.json beside what machine it was."""

import json

from rich.console import Console

from pipeline.bench.record import record
from pipeline.data.dataset import Samples, Split, load_dataset
from pipeline.quiet import load_tensorflow
from pipeline.stage import ROOT


def main() -> None:
    """Run every benchmark of training; takes about two minutes on two cores."""
    load_tensorflow()
    from pipeline.bench.training import measure_training, random_samples

    samples, words = _cifar10()
    results = {
        "data": words,
        **measure_training(samples or random_samples(), ("float32", "mixed_bfloat16")),
    }
    Console().print_json(json.dumps(results))
    record("training", results)


def _cifar10() -> tuple[Samples | None, str]:
    folder = ROOT / "runs" / "cifar10" / "data"
    if (folder / "manifest.json").exists():
        return load_dataset(folder).part(Split.TRAINING), "the training split of runs/cifar10"
    return None, "random pictures of CIFAR-10's size; train recipes/cifar10.toml first for the real ones"


if __name__ == "__main__":
    main()

"""`make bench`: measure, print, and write docs/benchmarks.json beside what machine it was."""

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from edge.device.files import write_json
from pipeline.data.dataset import Samples, Split, load_dataset
from pipeline.quiet import load_tensorflow
from pipeline.stage import ROOT


def main() -> None:
    """Run every benchmark; takes about two minutes on two cores."""
    load_tensorflow()
    from pipeline.bench.training import measure_training, random_samples

    samples, words = _cifar10()
    results = {
        "machine": _machine(),
        "training": {
            "data": words,
            **measure_training(samples or random_samples(), ("float32", "mixed_bfloat16")),
        },
    }
    Console().print_json(json.dumps(results))
    place = ROOT / "docs" / "benchmarks.json"
    place.parent.mkdir(exist_ok=True)
    write_json(place, results)


def _cifar10() -> tuple[Samples | None, str]:
    folder = ROOT / "runs" / "cifar10" / "data"
    if (folder / "manifest.json").exists():
        return load_dataset(folder).part(Split.TRAINING), "the training split of runs/cifar10"
    return None, "random pictures of CIFAR-10's size; train recipes/cifar10.toml first for the real ones"


def _machine() -> dict[str, Any]:
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    models = {line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")}
    return {
        "cpu": ", ".join(sorted(models)) or platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("tensorflow", "ai-edge-litert", "onnxruntime", "openvino")},
    }


if __name__ == "__main__":
    main()

"""docs/benchmarks.json: one section for each benchmark, beside what machine it was measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edge.device.files import read_json, write_json
from pipeline.stage import ROOT

PLACE = ROOT / "docs" / "benchmarks.json"
WORK = ROOT / "runs" / "bench"  # what benchmarks make on their way


def record(section: str, results: dict[str, Any]) -> None:
    """Put `results` in the place of those of the same names in `section`; the others stay."""
    before = read_json(PLACE) if PLACE.exists() else {}
    PLACE.parent.mkdir(exist_ok=True)
    write_json(PLACE, {**before, section: {**before.get(section, {}), "machine": machine(), **results}})


def machine() -> dict[str, Any]:
    """The processor, and the versions of what computes on it."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    models = {line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")}
    return {
        "cpu": ", ".join(sorted(models)) or platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("tensorflow", "ai-edge-litert", "onnxruntime", "openvino")},
    }

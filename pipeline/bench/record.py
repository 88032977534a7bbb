"""docs/benchmarks.json: one section for each benchmark, beside what machine it was measured on."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edge.device.files import read_json, write_json
from pipeline.stage import ROOT

PLACE = ROOT / "docs" / "benchmarks.json"
WORK = ROOT / "runs" / "bench"  # what benchmarks make on their way

# What int8 and bfloat16 kernels are written for, as Linux calls them.
_INSTRUCTIONS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")


def record(section: str, results: dict[str, Any]) -> None:
    """Put `results` in the place of those of the same names in `section`; the others stay."""
    before = read_records()
    kept = before.get(section, {})
    today = datetime.now(UTC).date().isoformat()
    PLACE.parent.mkdir(exist_ok=True)
    write_json(PLACE, {**before, section: {**kept, "date": today, "machine": machine(), **results}})


def read_records() -> dict[str, Any]:
    """All sections, by name."""
    return read_json(PLACE) if PLACE.exists() else {}


def machine() -> dict[str, Any]:
    """The processor, and the versions of what computes on it."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    fields = [line.partition(":") for line in lines]
    models = {value.strip() for key, _, value in fields if key.strip() == "model name"}
    known = {flag for key, _, value in fields if key.strip() == "flags" for flag in value.split()}
    return {
        "cpu": ", ".join(sorted(models)) or platform.processor(),
        "instructions": [name for name in _INSTRUCTIONS if name in known],
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("tensorflow", "ai-edge-litert", "onnxruntime", "openvino")},
    }

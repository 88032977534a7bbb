"""What machine figures were measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

# What int8 and bfloat16 kernels are written for, as Linux calls them.
_INSTRUCTIONS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
_PACKAGES = ("tensorflow", "ai-edge-litert", "onnxruntime", "openvino", "tflite-micro")

Machine = dict[str, str | int | list[str]]


def this_machine() -> Machine:
    """The processor ("cpu", "instructions", "cores"), the "system", "python", and the versions of what computes on it
    by package."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    fields = [line.partition(":") for line in lines]
    models = {value.strip() for key, _, value in fields if key.strip() == "model name"}
    known = {flag for key, _, value in fields if key.strip() == "flags" for flag in value.split()}
    return {
        "cpu": ", ".join(sorted(models)) or platform.processor(),
        "instructions": [name for name in _INSTRUCTIONS if name in known],
        "cores": os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }

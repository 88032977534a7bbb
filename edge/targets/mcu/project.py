"""The folder for Arduino, Zephyr and ESP-IDF: C and C++ sources filled in from the files in `templates/`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

import numpy as np
from numpy.typing import NDArray

from edge.device.files import sha256_of
from edge.targets.mcu.kernels import known_kernels
from edge.targets.mcu.memory import Memory
from edge.tflite import Graph

TEMPLATES = Path(__file__).parent / "templates"
LABELS_FILE = "src/edgewise_labels.c"
ROW = 20  # bytes a line of a C array


@dataclass(frozen=True, kw_only=True)
class GoldenVectors:
    """`inputs` uint8 [n, h, w, c], `scores` float32 [n, labels], `tolerance` of a score and what it is in words."""

    inputs: NDArray[np.uint8]
    scores: NDArray[np.float32]
    tolerance: float
    words: str


class _CTemplate(Template):
    delimiter = "@"  # CMake has the dollar


def write_project(
    folder: Path, model: Path, graph: Graph, memory: Memory, golden: GoldenVectors, work: int, labels: Sequence[str]
) -> None:
    """Write every file of `templates/`, filled in, into `folder`. `work`: multiply-accumulates of a picture.

    `graph`: of `model`, one uint8 [1, h, w, c] in and one uint8 or float32 [1, labels] out.
    """
    values = {
        **_contract(graph),
        **_memory(memory),
        **_golden(golden),
        "sha256": sha256_of(model),
        "model_bytes": model.stat().st_size,
        "bytes": _rows(model.read_bytes()),
        "macs": work,
        "names": _names(labels),
        **_operators(graph),
    }
    for template in sorted(path for path in TEMPLATES.rglob("*") if path.is_file()):
        place = folder / template.relative_to(TEMPLATES)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(_CTemplate(template.read_text(encoding="utf-8")).substitute(values), encoding="utf-8")


def write_labels(folder: Path, labels: Sequence[str]) -> None:
    """Put the names of the labels into a folder that `write_project` made."""
    template = _CTemplate((TEMPLATES / LABELS_FILE).read_text(encoding="utf-8"))
    (folder / LABELS_FILE).write_text(template.substitute(names=_names(labels)), encoding="utf-8")


def _contract(graph: Graph) -> Mapping[str, object]:
    source, result = graph.input, graph.output
    _, height, width, channels = source.shape
    return {
        "height": height,
        "width": width,
        "channels": channels,
        "input_scale": _c_float(source.scales[0] if source.scales else 1.0),
        "input_zero_point": source.zero_points[0] if source.zero_points else 0,
        "labels": result.shape[-1],
        "output_is_uint8": int(result.dtype == "UINT8"),
        "output_scale": _c_float(result.scales[0] if result.scales else 1.0),
        "output_zero_point": result.zero_points[0] if result.zero_points else 0,
    }


def _memory(memory: Memory) -> Mapping[str, object]:
    return {
        "arena_bytes": memory.arena,
        "scratch_bytes": memory.scratch,
        "library": memory.library,
        "arena_bytes_with_margin": memory.arena_with_margin,
        "flash_bytes": memory.flash,
    }


def _golden(golden: GoldenVectors) -> Mapping[str, object]:
    inputs = ",\n".join(f"{{\n{_rows(picture.tobytes())}\n}}" for picture in golden.inputs)
    scores = ",\n".join(f"{{{', '.join(map(_c_float, row))}}}" for row in golden.scores)
    return {
        "golden_inputs": inputs,
        "golden_scores": scores,
        "golden_count": len(golden.inputs),
        "golden_bytes": golden.inputs.nbytes + golden.scores.nbytes,
        "tolerance": _c_float(golden.tolerance),
        "tolerance_words": golden.words,
    }


def _operators(graph: Graph) -> Mapping[str, object]:
    """The resolver's calls, one for each kind of operator."""
    kernels = known_kernels().by_name
    names = sorted({operator.name for operator in graph.operators})
    calls = [f"resolver.{kernels[name].add}() == kTfLiteOk" for name in names]
    return {
        "operator_count": len(calls),
        "operators": " &&\n         ".join(calls),
        "operator_names": ", ".join(names),
    }


def _names(labels: Sequence[str]) -> str:
    # JSON escapes quotes, backslashes and control characters as C does; other characters stay as UTF-8.
    return "\n".join(f"    {json.dumps(label, ensure_ascii=False)}," for label in labels)


def _rows(content: bytes) -> str:
    return ",\n".join(
        ", ".join(f"0x{byte:02x}" for byte in content[at : at + ROW]) for at in range(0, len(content), ROW)
    )


def _c_float(value: float) -> str:
    """The shortest literal that a C compiler reads as this float32."""
    return f"{float(str(np.float32(value)))!r}f"

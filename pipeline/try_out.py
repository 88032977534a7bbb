"""Any artefact of ours on any labelled folder."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.device.contract import Contract, read_contract
from edge.device.golden import check_golden, read_golden
from edge.device.manifest import read_manifest, verify_outputs
from edge.device.runtimes import Runtime
from pipeline.data.labelled import labelled_folder
from pipeline.data.source import Report
from pipeline.evaluation import evaluate_logits, measure_latency, open_quietly, run_in


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An artefact whose hashes hold, in one of its runtimes, which has matched the golden vectors."""

    folder: Path
    contract: Contract
    file: Path
    runtime: str
    interpreter: Runtime


def open_verified(folder: Path, runtime: str | None = None, file: str | None = None) -> Opened:
    """The artefact in `folder` in `runtime`, its fastest where none is named; `file` where several run in it.

    Raises BadArtifact where it was changed or has no such runtime, ProofFailed where it does not match its golden
    vectors, Unavailable where a package is missing.
    """
    verify_outputs(folder, read_manifest(folder))
    contract = read_contract(folder)
    runtime = runtime or contract.fastest
    path = folder / (file or contract.file_for(runtime))
    interpreter = open_quietly(runtime, path, contract.input.layout)
    check_golden(read_golden(folder), interpreter.run, runtime)
    return Opened(folder=folder, contract=contract, file=path, runtime=runtime, interpreter=interpreter)


def try_out(folder: Path, data: Path, runtime: str | None, report: Report) -> dict[str, Any]:
    """Run the artefact in `folder` on the pictures in `data`, a folder for each class, and count what it gets right.

    The artefact's hashes and golden vectors are checked first. Raises BadArtifact, BadData, ProofFailed.
    """
    opened = open_verified(folder, runtime)
    contract, file = opened.contract, opened.file.name
    labelled = labelled_folder(data, contract.input, contract.output.labels, report)
    samples = labelled.samples
    words = f"{file} in {opened.runtime}"
    logits = run_in(opened.runtime, opened.file, samples, report, words, contract.input.layout)
    accuracy = evaluate_logits(logits, samples.labels)
    right = logits.argmax(1) == samples.labels
    return {
        "artefact": str(folder),
        "file": file,
        "runtime": opened.runtime,
        "part": labelled.part,
        "missing_classes": labelled.missing,
        "samples": accuracy.count,
        "top1": accuracy.top1,
        "top1_interval": accuracy.interval,
        "latency_ms": asdict(measure_latency(opened.interpreter, samples.pick(np.arange(min(64, len(samples)))))),
        "classes": {
            name: {
                "samples": int(np.count_nonzero(samples.labels == label)),
                "right": int(np.count_nonzero(right[samples.labels == label])),
            }
            for label, name in enumerate(contract.output.labels)
        },
    }

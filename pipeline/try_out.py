"""Any artefact of ours on any labelled folder."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edge.device.contract import read_contract
from edge.device.golden import check_golden, read_golden
from edge.device.manifest import read_manifest, verify_outputs
from pipeline.data.labelled import labelled_folder
from pipeline.data.source import Report
from pipeline.evaluation import evaluate_logits, measure_latency, open_quietly, run_in


def try_out(folder: Path, data: Path, runtime: str | None, report: Report) -> dict[str, Any]:
    """Run the artefact in `folder` on the pictures in `data`, a folder for each class, and count what it gets right.

    The artefact's hashes and golden vectors are checked first. Raises BadArtifact, BadData, ProofFailed.
    """
    verify_outputs(folder, read_manifest(folder))
    contract = read_contract(folder)
    runtime = runtime or contract.fastest
    file = contract.file_for(runtime)
    layout = contract.input.layout
    interpreter = open_quietly(runtime, folder / file, layout)
    check_golden(read_golden(folder), interpreter.run, runtime)
    labelled = labelled_folder(data, contract.input, contract.output.labels, report)
    samples = labelled.samples
    logits = run_in(runtime, folder / file, samples, report, f"{file} in {runtime}", layout)
    accuracy = evaluate_logits(logits, samples.labels)
    right = logits.argmax(1) == samples.labels
    return {
        "artefact": str(folder),
        "file": file,
        "runtime": runtime,
        "part": labelled.part,
        "missing_classes": labelled.missing,
        "samples": accuracy.count,
        "top1": accuracy.top1,
        "top1_interval": accuracy.interval,
        "latency_ms": asdict(measure_latency(interpreter, samples.pick(np.arange(min(64, len(samples)))))),
        "classes": {
            name: {
                "samples": int(np.count_nonzero(samples.labels == label)),
                "right": int(np.count_nonzero(right[samples.labels == label])),
            }
            for label, name in enumerate(contract.output.labels)
        },
    }

"""What devices measured of this run's files: run/devices/*.json, as their bench wrote it."""

import os
from dataclasses import dataclass

import numpy as np

from edge.device.bench_file import Answered, Bench, picture_digest, read_bench
from edge.device.errors import BadArtifact
from edge.device.golden import Golden, read_golden
from pipeline.data.dataset import Samples
from pipeline.report.agreement.answering import NO_ANSWER, Answering
from pipeline.report.agreement.facts import Device, Stranger
from pipeline.report.inspection import Artefact, Inspection

Positions = dict[str, list[int]]  # in the blind test, of the pictures of a digest: identical ones have the same


@dataclass(frozen=True, kw_only=True)
class Devices:
    """`answerings`: of those devices that answered pictures of the blind test."""

    devices: tuple[Device, ...]
    strangers: tuple[Stranger, ...]
    answerings: tuple[Answering, ...]


def read_devices(inspection: Inspection) -> Devices:
    """Every file of run/devices, beside the artefact whose file it is about."""
    devices, strangers, answerings = [], [], []
    paths = sorted((inspection.run / "devices").glob("*.json"))
    positions = positions_of(inspection.blind) if paths else {}
    for path in paths:
        name = os.fsencode(path.name).decode(errors="backslashreplace")
        try:
            bench = read_bench(path)
            artefact, file = _find(inspection, bench)
            device = _beside(name, bench, artefact, file, inspection, positions)
            told = _answering(bench, positions, len(inspection.blind), len(inspection.dataset.classes))
        except BadArtifact as error:
            strangers.append(Stranger(file=name, reason=str(error).removeprefix(f"{path}: ")))
            continue
        devices.append(device)
        if told.answered.any():
            answerings.append(told)
    return Devices(devices=tuple(devices), strangers=tuple(strangers), answerings=tuple(answerings))


def _find(inspection: Inspection, bench: Bench) -> tuple[Artefact, str]:
    for artefact in inspection.artefacts:
        for model in artefact.contract.files:
            if model.sha256 == bench.sha256:
                return artefact, model.file
    raise BadArtifact(
        f"is about a model file of SHA-256 {bench.sha256[:12]}…, which is none of this run's; "
        "run the bench again with what the run exported last"
    )


def _beside(
    name: str, bench: Bench, artefact: Artefact, file: str, inspection: Inspection, positions: Positions
) -> Device:
    golden, blind = read_golden(artefact.folder), bench.blind_test.pictures if bench.blind_test else ()
    flips, wrong, difference = _against_golden(bench.golden, golden)
    timed = (
        row.latency_ms.p50
        for row in inspection.proven.artefacts
        if (row.target, row.file, row.runtime) == (artefact.target, f"export/{artefact.target}/{file}", bench.runtime)
    )
    return Device(
        file=name,
        device=bench.device,
        board=bench.board,
        runtime=bench.runtime,
        versions=dict(bench.versions),
        model=f"{artefact.target}/{file}",
        p50=bench.latency_ms.p50,
        p90=bench.latency_ms.p90,
        p99=bench.latency_ms.p99,
        host_p50=next(timed, None),
        load_ms=bench.load_ms,
        peak_bytes=bench.peak_bytes,
        temperature=bench.temperature,
        throttled=bench.throttled,
        golden_pictures=len(golden.inputs),
        golden_flips=flips,
        golden_difference=difference,
        tolerance=golden.tolerance,
        golden_wrong=wrong,
        blind_told=len(blind),
        blind_known=sum(each in positions for each in blind),
    )


def _against_golden(told: Answered, golden: Golden) -> tuple[int, tuple[int, ...], float | None]:
    """Labels that differ from the golden vectors', which answers are beyond the tolerance, and the largest difference
    of a logit.

    Raises BadArtifact where the device answered another number of pictures, or of labels.
    """
    rows, classes = np.arange(len(golden.outputs)), golden.outputs.shape[1]
    if len(told.labels) != len(rows):
        raise BadArtifact(f"golden.labels: received {len(told.labels)}, expected {len(rows)}, one for each vector")
    _check_classes("golden", told, classes)
    labels = np.array(told.labels, np.int64)
    flips = int(np.count_nonzero(labels != golden.outputs.argmax(1)))
    if told.logits is None:
        # Where every logit may be off by the tolerance, the best label and another may come nearer by twice as much.
        margins = golden.outputs.max(1) - golden.outputs[rows, labels]
        return flips, tuple(np.flatnonzero(margins > 2 * golden.tolerance).tolist()), None
    differences = np.abs(np.array(told.logits) - golden.outputs).max(1)
    return flips, tuple(np.flatnonzero(differences > golden.tolerance).tolist()), float(differences.max())


def _answering(bench: Bench, positions: Positions, count: int, classes: int) -> Answering:
    """What the device answered on the blind test of `count` pictures, found by their digests; others are left aside.

    Raises BadArtifact where it answered labels that the data set does not have, or another number of logits.
    """
    labels, logits = np.full(count, NO_ANSWER, np.int64), None
    if (told := bench.blind_test) is not None:
        _check_classes("blind_test", told, classes)
        logits = None if told.logits is None else np.full((count, classes), np.nan, np.float32)
        for row, digest in enumerate(told.pictures):
            at = positions.get(digest, [])
            labels[at] = told.labels[row]
            if logits is not None and told.logits is not None:
                logits[at] = told.logits[row]
    return Answering(name=f"{bench.device} in {bench.runtime}", kind="device", labels=labels, logits=logits)


def _check_classes(name: str, told: Answered, classes: int) -> None:
    highest = max(told.labels, default=0)
    if highest >= classes:
        raise BadArtifact(f"{name}.labels: received {highest}, expected one of {classes} labels, from 0")
    if told.logits and len(told.logits[0]) != classes:
        raise BadArtifact(
            f"{name}.logits: received {len(told.logits[0])} in a row, expected {classes}, one for each label"
        )


def positions_of(samples: Samples) -> Positions:
    """Where each picture stands, by its digest."""
    found: Positions = {}
    for at in range(len(samples)):
        found.setdefault(picture_digest(samples.pick(np.array([at])).tobytes()), []).append(at)
    return found

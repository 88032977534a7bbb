"""What devices measured of this run's files: run/devices/*.json, as their bench wrote it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edge.device.bench_file import Bench, picture_digest, read_bench
from edge.device.errors import BadArtifact
from edge.device.golden import Golden, read_golden
from pipeline.data.dataset import Samples
from pipeline.report.agreement.answering import NO_ANSWER, Answering
from pipeline.report.agreement.facts import Device, Stranger
from pipeline.report.inspection import Artefact, Inspection


@dataclass(frozen=True, kw_only=True)
class Devices:
    """`answerings`: of those devices that answered pictures of the blind test."""

    devices: tuple[Device, ...]
    strangers: tuple[Stranger, ...]
    answerings: tuple[Answering, ...]


def read_devices(inspection: Inspection) -> Devices:
    """Every file of run/devices, beside the artefact whose file it is about."""
    devices, strangers, answerings = [], [], []
    blind, positions = inspection.blind, None
    for path in sorted((inspection.run / "devices").glob("*.json")):
        try:
            bench = read_bench(path)
            artefact, file = _find(inspection, bench)
            device = _beside(path.name, bench, artefact, file, inspection)
            devices.append(device)
            if bench.blind_test is not None:
                positions = positions or dict(_digests(blind))
                answerings.append(_answering(bench, blind, positions, len(inspection.dataset.classes)))
        except BadArtifact as error:
            strangers.append(Stranger(file=path.name, reason=str(error).removeprefix(f"{path}: ")))
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


def _beside(name: str, bench: Bench, artefact: Artefact, file: str, inspection: Inspection) -> Device:
    golden = read_golden(artefact.folder)
    flips, difference = _against_golden(bench, golden)
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
    )


def _against_golden(bench: Bench, golden: Golden) -> tuple[int, float | None]:
    """Labels that differ from the golden vectors', and the largest difference of a logit.

    Raises BadArtifact where the device answered another number of pictures, or of labels.
    """
    told = bench.golden
    if len(told.labels) != len(golden.outputs):
        raise BadArtifact(
            f"golden.labels: received {len(told.labels)}, expected {len(golden.outputs)}, one for each golden vector"
        )
    flips = int(np.count_nonzero(np.array(told.labels) != golden.outputs.argmax(1)))
    if told.logits is None:
        return flips, None
    logits = np.array(told.logits)
    if logits.shape != golden.outputs.shape:
        raise BadArtifact(f"golden.logits: received {logits.shape[1]} in a row, expected {golden.outputs.shape[1]}")
    return flips, float(np.abs(logits - golden.outputs).max())


def _answering(bench: Bench, blind: Samples, positions: dict[str, int], classes: int) -> Answering:
    """What the device answered on the blind test, found by the pictures' digests; others are left aside.

    Raises BadArtifact for a label that the data set does not have.
    """
    labels = np.full(len(blind), NO_ANSWER, np.int64)
    if bench.blind_test is not None:
        for digest, label in zip(bench.blind_test.pictures, bench.blind_test.labels, strict=True):
            if label >= classes:
                raise BadArtifact(f"blind_test.labels: received {label}, expected one of {classes} labels, from 0")
            if digest in positions:
                labels[positions[digest]] = label
    return Answering(name=f"{bench.device} in {bench.runtime}", kind="device", labels=labels)


def _digests(samples: Samples) -> Iterator[tuple[str, int]]:
    for at in range(len(samples)):
        yield picture_digest(samples.pick(np.array([at])).tobytes()), at

"""What the export took and refused, from its proof."""

from collections.abc import Iterable

from edge.device.files import sha256_of
from pipeline.report.inspection import Artefact
from pipeline.report.sensitivity.candidates import Candidate
from pipeline.report.sensitivity.facts import Rung, Shipped
from pipeline.results import Proven


def shipped_as(artefacts: Iterable[Artefact], form: Candidate) -> tuple[str, ...]:
    """The targets whose artefact is the form's file or derived from it. There are several forms of int8-selective,
    so that only the same bytes tell there."""
    if form.precision != "int8-selective":
        return tuple(artefact.target for artefact in artefacts if artefact.precision == form.precision)
    digest = sha256_of(form.file)
    return tuple(
        artefact.target for artefact in artefacts if any(subject.sha256 == digest for subject in artefact.subjects)
    )


def rungs(proven: Proven) -> tuple[Rung, ...]:
    """Every rung that was tried for each target, also of targets that got no artefact."""
    tried = {row.target: row.tried for row in proven.artefacts} | {each.target: each.tried for each in proven.refused}
    return tuple(
        Rung(
            target=target,
            precision=rung.precision,
            accepted=rung.accepted,
            reason=rung.reason,
            drop=rung.drop,
            bytes=rung.bytes,
        )
        for target, ladder in tried.items()
        for rung in ladder
    )


def shipped(proven: Proven) -> tuple[Shipped, ...]:
    """One row for each target: its fastest proven file and runtime, or the first where only simulators run it."""
    rows = {row.target: row for row in reversed(proven.artefacts) if not row.refused}
    rows |= {row.target: row for row in proven.artefacts if row.fastest}
    return tuple(
        Shipped(
            target=row.target,
            precision=row.precision,
            file=row.file,
            runtime=row.runtime,
            top1=row.top1,
            drop=row.drop,
            bytes=row.bytes,
            latency_ms=row.latency_ms.p50,
        )
        for row in sorted(rows.values(), key=lambda each: each.target)
    )

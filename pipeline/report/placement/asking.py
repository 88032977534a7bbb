"""Asking each target about the files that it ships."""

from collections import Counter
from pathlib import Path

from edge.boards import find_board
from edge.device.errors import BadModel, Unavailable
from edge.target import PlacedOperator, Verdict
from pipeline.checking import ask
from pipeline.report.inspection import Artefact, Inspection
from pipeline.report.placement.facts import Facts, Placed, Reason


def measure(inspection: Inspection) -> Facts:
    """The verdict of every target that has an artefact, reached in the child."""
    boards = {row.target: row.board for row in inspection.proven.artefacts}
    placed: list[Placed] = []
    not_asked: dict[str, str] = {}
    for number, artefact in enumerate(inspection.artefacts):
        inspection.report("asking each target what runs where", number, len(inspection.artefacts))
        try:
            file, verdict = _verdict(inspection, artefact, boards.get(artefact.target))
        except (BadModel, Unavailable) as error:
            not_asked[artefact.target] = str(error)
            continue
        placed.append(_placed(artefact, file.relative_to(inspection.run), verdict))
    return Facts(placed=tuple(placed), not_asked=not_asked)


def _verdict(inspection: Inspection, artefact: Artefact, board: str | None) -> tuple[Path, Verdict]:
    """The artefact's own file where the target reads that kind, otherwise the int8 form that it was made from.

    Raises BadModel where it reads neither, Unavailable where a package that it asks is missing.
    """
    own = artefact.folder / artefact.contract.files[0].file
    form = inspection.run / "quantize" / f"{artefact.precision}.tflite"
    place = find_board(artefact.target, board)
    try:
        return own, ask(inspection.child, own, artefact.target, place)
    except BadModel:
        if not form.exists():
            raise
        return form, ask(inspection.child, form, artefact.target, place)


def _placed(artefact: Artefact, file: Path, verdict: Verdict) -> Placed:
    counts: Counter[str] = Counter(operator.placement for operator in verdict.operators)
    return Placed(
        target=artefact.target,
        board=verdict.board,
        file=file.as_posix(),
        precision=artefact.precision,
        fits=verdict.fits,
        operators=verdict.operators,
        counts=dict(counts),
        reasons=_reasons(verdict.operators),
        findings=tuple(f"{finding.severity}: {finding}" for finding in verdict.findings),
        estimates=dict(verdict.estimates),
        whole=set(counts) <= {"cpu"},
    )


def _reasons(operators: tuple[PlacedOperator, ...]) -> tuple[Reason, ...]:
    """Those off the accelerator by their reason, the one of the most operators first."""
    by_reason: dict[str, list[str]] = {}
    for each in operators:
        if each.placement != "accelerator":
            by_reason.setdefault(each.reason, []).append(f"{each.name} #{each.index}")
    most_first = sorted(by_reason.items(), key=lambda entry: len(entry[1]), reverse=True)
    return tuple(Reason(reason=reason, operators=tuple(names)) for reason, names in most_first)

"""The report stage: every section measured, then results.json and index.html written."""

import contextlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from edge.device.contract import read_contract
from edge.device.errors import BadArtifact, BadData, BadModel, ConversionFailed, Unavailable
from edge.device.files import read_json, sha256_of, write_bytes, write_json
from pipeline.answers import Answers
from pipeline.artefacts import standing
from pipeline.data.dataset import load_dataset
from pipeline.data.source import Report
from pipeline.evaluation import float_logits
from pipeline.isolate import Child
from pipeline.machine import this_machine
from pipeline.origins import report_origin
from pipeline.recipe import Recipe
from pipeline.report import agreement
from pipeline.report.inspection import Artefact, Inspection, Subject
from pipeline.report.sections import FORMAT, SECTIONS, NotMeasured, Results
from pipeline.results import RefusedTarget, collect, first_fault, read_proofs, refused_before
from pipeline.stage import up_to_date, work_folder, writing

RESULTS = "results.json"  # in run/report

_RESULTS = TypeAdapter(Results)


def report_stage(recipe: Recipe, run: Path, report: Report) -> bool:
    """Write run/report: results.json and index.html; False where they were up to date.

    What a section found is kept beside it until all are done: a report that was stopped goes on there. What could not
    be measured is tried again each time.
    Raises BadArtifact where the run has no artefact of this recipe.
    """
    places = standing(recipe, run)
    if not places:
        raise BadArtifact(f"{run / 'export'}: no artefact of this recipe there; run `edgewise export RECIPE` first")
    absent = _absent(recipe, run, places)
    reasons = {each.target: each.reasons for each in absent}
    place, wanted = run / "report", report_origin(recipe, run, list(places.values()), reasons)
    known = _measured_before(place) if up_to_date(place, wanted) else {}
    if known.keys() == SECTIONS.keys():
        return False
    from pipeline.report.page import render

    work, _ = work_folder(place, wanted)
    with Child() as child:
        inspection = inspect(recipe, run, places, child, report, absent)
        facts = {
            name: known[name] if name in known else _measured(name, section, inspection, work)
            for name, section in SECTIONS.items()
        }
    inspection.answers.forget_others(subject.file for subject in inspection.subjects)
    results = Results(
        format=FORMAT,
        edgewise=version("edgewise"),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=this_machine(),
        proven=inspection.proven,
        **facts,
    )
    report("drawing the page", 0, 1)
    with writing(place, wanted, work) as folder:
        write_json(folder / RESULTS, _RESULTS.dump_python(results, mode="json"))
        write_bytes(folder / "index.html", render(results).encode())
    return True


def read_results(run: Path) -> Results:
    """The results.json of the report of `run`.

    Raises BadArtifact where it is missing, or is not one of this version's.
    """
    path = run / "report" / RESULTS
    try:
        return _RESULTS.validate_python(read_json(path))
    except ValidationError as error:
        raise BadArtifact(
            f"{path}: not what this version writes ({first_fault(error)}); delete {path.parent} and run `edgewise "
            "report RECIPE` again"
        ) from None


def inspect(
    recipe: Recipe,
    run: Path,
    places: Mapping[Any, Path],
    child: Child,
    report: Report,
    absent: tuple[RefusedTarget, ...] = (),
) -> Inspection:
    """The run with the artefacts in `places`, by target, ready for the sections to measure; `absent` are the targets
    that have none.

    Raises BadArtifact where a contract or a proof is missing or cannot be read.
    """
    return Inspection(
        recipe=recipe,
        run=run,
        dataset=load_dataset(run / "data"),
        float_logits=float_logits(run / "train"),
        proven=collect(recipe, run, read_proofs(run, places), absent),
        artefacts=tuple(_artefact(target, folder) for target, folder in places.items()),
        answers=Answers(run / "answers"),
        child=child,
        report=report,
    )


def _artefact(target: str, folder: Path) -> Artefact:
    contract = read_contract(folder)
    return Artefact(
        target=target,
        folder=folder,
        contract=contract,
        subjects=tuple(
            Subject(
                target=target,
                file=folder / model.file,
                runtime=runtime,
                layout=contract.input.layout,
                sha256=sha256_of(folder / model.file),
            )
            for model in contract.files
            for runtime in model.runtimes
        ),
    )


def _absent(recipe: Recipe, run: Path, places: Mapping[Any, Path]) -> tuple[RefusedTarget, ...]:
    """The recipe's targets that have no artefact, and why."""
    refused = refused_before(run, places)
    told = {each.target for each in refused}
    missing = [target for target in recipe.export.targets if target not in places and target not in told]
    reason = "no artefact of this recipe; run `edgewise export RECIPE`"
    return (*refused, *(RefusedTarget(target=target, reasons=(reason,), tried=()) for target in missing))


def _measured_before(place: Path) -> dict[str, Any]:
    """The facts of the report at `place`, but of those sections that could not be measured, or not whole."""
    results = read_results(place.parent)
    known = {name: getattr(results, name) for name in SECTIONS}
    return {name: facts for name, facts in known.items() if not isinstance(facts, NotMeasured) and not _lacks(facts)}


def _lacks(facts: Any) -> bool:
    """Whether the live endpoint did not come up, which it may the next time."""
    return isinstance(facts, agreement.Facts) and facts.endpoint.faulty


def _measured(name: str, section: Any, inspection: Inspection, work: Path) -> Any:
    """The facts of a section: those that a stopped report left, or new ones."""
    kept, adapter = work / f"{name}.json", TypeAdapter(section.Facts)
    if kept.exists():
        with contextlib.suppress(ValidationError):  # then it is measured anew
            return adapter.validate_json(kept.read_bytes())
    measure: Callable[[Inspection], Any] = section.measure
    try:
        facts = measure(inspection)
    except (BadArtifact, BadData, BadModel, ConversionFailed, Unavailable) as error:
        return NotMeasured(not_measured=str(error))
    write_json(kept, adapter.dump_python(facts, mode="json"))
    return facts

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
from edge.device.files import sha256_of, write_bytes, write_json
from pipeline.answers import Answers
from pipeline.artefacts import standing
from pipeline.data.dataset import load_dataset
from pipeline.data.source import Report
from pipeline.evaluation import float_logits
from pipeline.isolate import Child
from pipeline.machine import this_machine
from pipeline.origins import report_origin
from pipeline.recipe import Recipe
from pipeline.report.inspection import Artefact, Inspection, Subject
from pipeline.report.sections import FORMAT, SECTIONS, NotMeasured, Results
from pipeline.results import collect, read_proofs, refused_before
from pipeline.stage import up_to_date, work_folder, writing

_RESULTS = TypeAdapter(Results)


def report_stage(recipe: Recipe, run: Path, report: Report) -> bool:
    """Write run/report: results.json and index.html; False where they were up to date.

    What a section found is kept beside it until all are done: a report that was stopped goes on there.
    Raises BadArtifact where the run has no artefact of this recipe.
    """
    places = standing(recipe, run)
    if not places:
        raise BadArtifact(f"{run / 'export'}: no artefact of this recipe there; run `edgewise export RECIPE` first")
    refused = tuple(each.target for each in refused_before(run, places))
    place, wanted = run / "report", report_origin(recipe, run, list(places.values()), refused)
    if up_to_date(place, wanted):
        return False
    from pipeline.report.page import render

    work, _ = work_folder(place, wanted)
    with Child() as child:
        inspection = inspect(recipe, run, places, child, report)
        facts = {name: _measured(name, section, inspection, work) for name, section in SECTIONS.items()}
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
        write_json(folder / "results.json", _RESULTS.dump_python(results, mode="json"))
        write_bytes(folder / "index.html", render(results).encode())
    return True


def inspect(recipe: Recipe, run: Path, places: Mapping[Any, Path], child: Child, report: Report) -> Inspection:
    """The run with the artefacts in `places`, by target, ready for the sections to measure.

    Raises BadArtifact where a contract or a proof is missing or cannot be read.
    """
    return Inspection(
        recipe=recipe,
        run=run,
        dataset=load_dataset(run / "data"),
        float_logits=float_logits(run / "train"),
        proven=collect(recipe, run, read_proofs(run, places), refused_before(run, places)),
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
        precision=contract.precision,
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

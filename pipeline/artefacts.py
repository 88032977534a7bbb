"""The export stage of a run on disk: one artefact for a target, and the artefacts that stand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from edge.boards import find_board
from edge.device.errors import BadArtifact
from edge.targets import PREREQUISITES
from pipeline.answers import Answers
from pipeline.data.dataset import load_dataset
from pipeline.data.source import Report
from pipeline.evaluation import float_logits
from pipeline.form_store import FormStore
from pipeline.isolate import Child
from pipeline.ladder import Export
from pipeline.origins import export_origin
from pipeline.recipe import Recipe, TargetName
from pipeline.stage import up_to_date, writing

Announce = Callable[[Export], None]


def export_stage(
    recipe: Recipe, run: Path, target: TargetName, forms: FormStore, child: Child, report: Report, announce: Announce
) -> bool:
    """Make and prove the artefact of one target in run/export/<target>; False where that was up to date.

    `announce` is told the plan before it is walked. An older artefact stays as it is where this fails.

    Raises ProofFailed where no rung of the target's ladder holds, Unavailable where a tool of the target is missing.
    """
    place, wanted = run / "export" / target, export_origin(recipe, run, target)
    if up_to_date(place, wanted):
        return False
    from pipeline.export import export

    if target in PREREQUISITES:
        PREREQUISITES[target]()
    job = Export(
        recipe=recipe,
        target=target,
        board=find_board(target, recipe.export.boards.get(target)),
        dataset=load_dataset(run / "data"),
        float_logits=float_logits(run / "train"),
        forms=forms,
        answers=Answers(run / "answers"),
        child=child,
        report=report,
    )
    announce(job)
    with writing(place, wanted) as folder:
        export(job, folder)
    return True


def standing(recipe: Recipe, run: Path) -> dict[TargetName, Path]:
    """The finished artefacts in run/export that are of this recipe, its data and its training, by target; also those
    of targets that were named on the command line alone."""
    targets: tuple[TargetName, ...] = get_args(TargetName)
    places = {target: run / "export" / target for target in targets}
    return {target: place for target, place in places.items() if up_to_date(place, export_origin(recipe, run, target))}


def prove_stage(recipe: Recipe, run: Path, report: Report) -> dict[str, Any]:
    """Prove anew, on this machine, every artefact of this recipe that stands in run/export: proof.json's content by
    target.

    Raises BadArtifact where none is there or a file was changed, ProofFailed where one does not hold.
    """
    from pipeline.export import prove_again

    places = standing(recipe, run)
    if not places:
        raise BadArtifact(f"{run / 'export'}: no artefact of this recipe there; run `edgewise export RECIPE` first")
    dataset, logits, test = load_dataset(run / "data"), float_logits(run / "train"), recipe.quantize.budget_test
    answers = Answers(run / "answers")
    return {
        target: prove_again(place, dataset, logits, recipe.budget(target), test, answers, report)
        for target, place in places.items()
    }

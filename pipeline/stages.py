"""The stages of a run on disk: what each depends on, and what it writes where."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from edge.device.errors import BadArtifact
from edge.device.files import write_bytes, write_json
from edge.target import Precision
from pipeline.data.dataset import load_dataset
from pipeline.data.prepare import prepare
from pipeline.data.source import Report
from pipeline.forms import input_quantization, make_form
from pipeline.isolate import Child
from pipeline.ladder import Export, FloatLogits
from pipeline.origins import data_origin, export_origin, quantize_origin, train_origin
from pipeline.quiet import load_tensorflow
from pipeline.recipe import Recipe, TargetName
from pipeline.stage import source_hash, up_to_date, work_folder, writing


def data_stage(recipe: Recipe, run: Path, report: Report) -> bool:
    """Decode and split the data into run/data; False where that was up to date."""
    place, wanted = run / "data", data_origin(recipe)
    if up_to_date(place, wanted):
        return False
    with writing(place, wanted) as folder:
        prepare(recipe.data, folder, report)
    return True


def train_stage(recipe: Recipe, run: Path, report: Report) -> bool:
    """Train the float model into run/train; False where that was up to date."""
    place, wanted = run / "train", train_origin(recipe, run)
    if up_to_date(place, wanted):
        return False
    report("starting TensorFlow", 0, 0)
    load_tensorflow()
    from pipeline.train import train, write_outputs

    work, going_on = work_folder(place, wanted)
    if going_on:
        report("going on from the last checkpoint", 0, 1)
    dataset = load_dataset(run / "data")
    trained = train(recipe, dataset, work, report)
    with writing(place, wanted, work) as folder:
        write_json(folder / "summary.json", write_outputs(trained, dataset, folder))
        _keep_work(work, folder)
    return True


def quantize_stage(recipe: Recipe, run: Path, report: Report, *, both: bool = False) -> bool:
    """Make the int8 forms in run/quantize; False where that was up to date.

    `both` asks for quantization-aware training where the recipe leaves it open, as a target's ladder may.
    """
    place, wanted = run / "quantize", quantize_origin(recipe, run)
    if up_to_date(place, wanted) and (not both or (place / "int8-qat.tflite").exists()):
        return False
    from pipeline.quantize import quantize

    work, going_on = work_folder(place, wanted)
    if going_on:
        report("going on from the last checkpoint", 0, 1)
    with writing(place, wanted, work) as folder:
        quantize(recipe, load_dataset(run / "data"), run / "train", folder, work, report, both=both)
        _keep_work(work, folder)
    return True


def export_stage(recipe: Recipe, run: Path, target: TargetName, child: Child, report: Report) -> bool:
    """Make and prove the artefact of one target in run/export/<target>; False where that was up to date.

    Raises ProofFailed where no rung of the target's ladder holds; an older artefact stays as it is then.
    """
    place, wanted = run / "export" / target, export_origin(recipe, run, target)
    if up_to_date(place, wanted):
        return False
    from pipeline.export import export

    def form_of(precision: Precision) -> Path:
        return _form(recipe, run, precision, child, report)

    job = Export(
        recipe=recipe,
        target=target,
        dataset=load_dataset(run / "data"),
        float_logits=_float_logits(run),
        form_of=form_of,
        child=child,
        report=report,
    )
    with writing(place, wanted) as folder:
        export(job, folder)
    return True


def standing(recipe: Recipe, run: Path) -> dict[TargetName, Path]:
    """The finished artefacts in run/export that are of this recipe, its data and its training, by target."""
    places = {target: run / "export" / target for target in recipe.export.targets}
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
    dataset, logits = load_dataset(run / "data"), _float_logits(run)
    return {
        target: prove_again(place, dataset, logits, recipe.quantize.budget, report) for target, place in places.items()
    }


def _float_logits(run: Path) -> FloatLogits:
    with np.load(run / "train" / "float.npz", allow_pickle=False) as arrays:
        return FloatLogits(validation=arrays["validation"], blind_test=arrays["blind_test"])


def _form(recipe: Recipe, run: Path, precision: Precision, child: Child, report: Report) -> Path:
    """The TFLite file of `precision`: of the quantize stage for int8, otherwise made once for all targets."""
    if precision in ("int8-ptq", "int8-qat"):
        form = run / "quantize" / f"{precision}.tflite"
        if not form.exists():
            quantize_stage(recipe, run, report, both=True)
        return form
    # Named by all that it is made from: another training or version makes another file.
    made_from = hashlib.sha256(repr(train_origin(recipe, run)).encode() + source_hash("export").encode()).hexdigest()
    form = run / "export" / f".{precision}-{made_from[:16]}.tflite"
    if not form.exists():
        scale, zero_point = input_quantization(recipe.model)
        form.parent.mkdir(exist_ok=True)
        write_bytes(
            form, child.call(make_form, run / "train" / "model.keras", precision, scale, zero_point, None, None, True)
        )
    return form


def _keep_work(work: Path, folder: Path) -> None:
    """Keep TensorBoard's logs, and of each phase the best weights and the last checkpoint."""
    for part in sorted(path for path in work.iterdir() if path.is_dir()):
        place = folder / part.name if part.name == "tensorboard" else folder / "checkpoints" / part.name
        place.parent.mkdir(exist_ok=True)
        # Links, not moves: until the manifest is written, the work folder stays what a killed run goes on from.
        shutil.copytree(part, place, copy_function=os.link)

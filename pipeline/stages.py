"""The stages of a run on disk: what each depends on, and what it writes where."""

import os
import shutil
from pathlib import Path

from edge.device.files import write_json
from pipeline.data.dataset import load_dataset
from pipeline.data.prepare import prepare
from pipeline.data.source import Report
from pipeline.origins import data_origin, quantize_origin, train_origin
from pipeline.quiet import load_tensorflow
from pipeline.recipe import Recipe
from pipeline.stage import up_to_date, work_folder, writing


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


def _keep_work(work: Path, folder: Path) -> None:
    """Keep TensorBoard's logs, and of each phase the best weights and the last checkpoint."""
    for part in sorted(path for path in work.iterdir() if path.is_dir()):
        place = folder / part.name if part.name == "tensorboard" else folder / "checkpoints" / part.name
        place.parent.mkdir(exist_ok=True)
        # Links, not moves: until the manifest is written, the work folder stays what a killed run goes on from.
        shutil.copytree(part, place, copy_function=os.link)

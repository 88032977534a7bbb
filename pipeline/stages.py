"""The stages of a run on disk: what each depends on, and what it writes where."""

from pathlib import Path
from typing import Any

from edge.device.files import sha256_of, write_json
from pipeline.data.dataset import load_dataset
from pipeline.data.prepare import fingerprint, prepare
from pipeline.data.source import Report
from pipeline.recipe import Recipe, settings_of
from pipeline.stage import origin, require, up_to_date, work_folder, writing

# They change how a stage runs, never what it makes.
_INDIFFERENT = ("root", "checkpoint_minutes", "devices")


def data_stage(recipe: Recipe, run: Path, report: Report) -> bool:
    """Decode and split the data into run/data; False where that was up to date."""
    place = run / "data"
    wanted = origin("data", _settings(recipe.data), fingerprint(recipe.data))
    if up_to_date(place, wanted):
        return False
    with writing(place, wanted) as folder:
        prepare(recipe.data, folder, report)
    return True


def train_stage(recipe: Recipe, run: Path, report: Report) -> bool:
    """Train the float model into run/train; False where that was up to date."""
    place = run / "train"
    inputs = {"data": require(run / "data", "train RECIPE"), **_model_files(recipe)}
    wanted = origin("train", {"train": _settings(recipe.train), "model": _settings(recipe.model)}, inputs)
    if up_to_date(place, wanted):
        return False
    from pipeline.train import train, write_outputs

    work, going_on = work_folder(place, wanted)
    if going_on:
        report("going on from the last checkpoint", 0, 1)
    dataset = load_dataset(run / "data")
    trained = train(recipe, dataset, work, report)
    with writing(place, wanted, work) as folder:
        write_json(folder / "summary.json", write_outputs(trained, dataset, folder))
        _keep_logs(work, folder)
    return True


def quantize_stage(recipe: Recipe, run: Path, report: Report, *, aware: bool | None = None) -> bool:
    """Make the int8 forms in run/quantize; False where that was up to date.

    `aware` = True asks for quantization-aware training whatever the recipe says, as a target's ladder may.
    """
    place = run / "quantize"
    inputs = {"data": require(run / "data", "train RECIPE"), "train": require(run / "train", "train RECIPE")}
    settings = {"quantize": _settings(recipe.quantize), "train": _settings(recipe.train), "model": _settings(recipe.model)}
    wanted = origin("quantize", settings, inputs)
    if up_to_date(place, wanted) and (aware is None or (place / "int8-qat.tflite").exists()):
        return False
    from pipeline.quantize import quantize

    work, going_on = work_folder(place, wanted)
    if going_on:
        report("going on from the last checkpoint", 0, 1)
    with writing(place, wanted, work) as folder:
        quantize(recipe, load_dataset(run / "data"), run / "train", folder, work, report, aware=aware)
        _keep_logs(work, folder)
    return True


def _settings(section: Any) -> dict[str, Any]:
    return {key: value for key, value in settings_of(section).items() if key not in _INDIFFERENT}


def _model_files(recipe: Recipe) -> dict[str, str]:
    """Hashes of the weights and models that the recipe names; what is missing is told where it is read."""
    named = [recipe.model.file, recipe.model.pretrained]
    paths = [Path(name) for name in named if name is not None and name != "imagenet"]
    return {path.name: sha256_of(path) for path in paths if path.is_file()}


def _keep_logs(work: Path, folder: Path) -> None:
    """Move TensorBoard's logs from the work folder into the finished stage."""
    if (work / "tensorboard").exists():
        (work / "tensorboard").rename(folder / "tensorboard")

"""The models that are served: made by the pipeline itself, untrained: weights do not change the time they take."""

import io
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from edge.device.errors import Unavailable
from pipeline.bench.record import WORK
from pipeline.stage import ROOT

FOLDER = WORK / "serving"

_CLASSES, _PICTURES = 10, 20
_UNTRAINED = (
    *("--set", "train.epochs=0"),
    *("--set", "quantize.aware=false"),
    *("--set", "quantize.budget=1.0"),
    *("--set", 'export.targets=["cpu"]'),
)


@dataclass(frozen=True, kw_only=True)
class Artefacts:
    """Folders of artefacts of the cpu target: ResNet-8 at 32 px, MobileNetV2 at 224 px, the small network of digits."""

    resnet8: Path
    mobilenet_v2: Path
    digits: Path


def make_artefacts() -> Artefacts:
    """Make them where they are missing or out of date; takes about two minutes the first time."""
    return Artefacts(
        resnet8=_export(_recipe("resnet8", 32), "resnet8"),
        mobilenet_v2=_export(_recipe("mobilenet_v2", 224), "mobilenet_v2"),
        digits=_export(ROOT / "recipes" / "digits.toml", "digits"),
    )


def edgewise() -> str:
    """The command line of the environment that this runs in."""
    return str(Path(sys.executable).parent / "edgewise")


def photograph(width: int, height: int, seed: int = 0) -> bytes:
    """A JPEG that is as hard to decode as a photograph: soft shapes, with the noise of a sensor."""
    generator = np.random.default_rng(seed)
    shapes = Image.fromarray(generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    noisy = np.asarray(shapes, np.float64) + generator.normal(0, 6, (height, width, 1))
    file = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue()


def _recipe(model: str, side: int) -> Path:
    """A recipe for `model` over made-up pictures."""
    pictures = FOLDER / f"{model}-pictures"
    for label in range(_CLASSES):
        folder = pictures / f"class{label}"
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(_PICTURES):
            file = folder / f"{index}.jpg"
            if not file.exists():
                file.write_bytes(photograph(side, side, label * _PICTURES + index))
    recipe = FOLDER / f"{model}.toml"
    recipe.write_text(
        f'name = "{model}"\n'
        f'data = {{ root = "{pictures.name}", image_size = {side} }}\n'
        f'model = {{ name = "{model}" }}\n'
        "quantize = { calibration_samples = 20 }\n",
        encoding="utf-8",
    )
    return recipe


def _export(recipe: Path, name: str) -> Path:
    run = FOLDER / name
    for stage in ("train", "quantize", "export"):
        command = [edgewise(), stage, str(recipe), *_UNTRAINED, "--run", str(run)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        if done.returncode != 0:
            raise Unavailable(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return run / "export" / "cpu"

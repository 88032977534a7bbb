"""Accuracy on corrupted pictures: of float Keras, and of each distinct artefact beside it."""

import base64
import io
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.data.balance import balanced_positions
from pipeline.data.dataset import Samples
from pipeline.report.inspection import Artefact, Inspection
from pipeline.report.robustness.answers import ask, ask_float, corrupted
from pipeline.report.robustness.corruptions import CORRUPTIONS, SEVERITIES, SMALL_SIDE, corrupt, strengths
from pipeline.statistics import Interval, wilson_interval

MOST = 4  # artefacts that are asked: each is asked 35 times as many pictures
_SHOWN = 3  # the severity of the example
_THUMBNAIL = 96  # pixels, the longest side of an example
_PICTURES = (30, 1000)
_PIXELS = 10_000_000  # of all pictures that are corrupted: about three minutes with photographs of 224 pixels
_FALLS = 0.1  # share of its accuracy that a corruption costs before advice is given

# The recipe's key that lets a model learn to bear a corruption, where there is one.
_LEARNT = {"brightness": "brightness", "contrast": "contrast", "occlusion": "cutout", "rotation": "rotate"}

Truths = NDArray[np.bool_]  # [corruptions, severities, pictures]: whether the answer is right


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Accuracy that float has and the artefact has not, a share in -1..1, with its 95 % interval: Student's t over the
    pictures, each with its mean over the severities, as the same picture stands in all of them."""

    drop: float
    interval: Interval

    @property
    def real(self) -> bool:
        """Whether the loss, not a gain, is more than chance would show."""
        return self.interval[0] > 0


@dataclass(frozen=True, kw_only=True)
class Model:
    """Accuracies are shares of the pictures: on `clean` ones, by corruption at severities 1 to 5, and their `mean` over
    all corruptions and severities."""

    name: str
    precision: str
    clean: float
    accuracy: dict[str, tuple[float, ...]]
    mean: float


@dataclass(frozen=True, kw_only=True)
class Compared(Model):
    """An artefact against float. `relative`: its mean as a share of float's, None where float's is 0. `losses`: by
    corruption; `loss`: over all; `sooner`: what that is more than the loss on clean pictures, so that above 0 the
    artefact breaks sooner than float."""

    relative: float | None
    losses: dict[str, Loss]
    loss: Loss
    sooner: Loss


@dataclass(frozen=True, kw_only=True)
class Facts:
    """`pictures` of the blind test, as evenly over the classes as they allow, each in every corruption and severity.

    `margin`: half the 95 % Wilson interval of an accuracy of one half on so many, a share; others are closer.
    `strengths`: by corruption, at severities 1 to 5, in `units`; `source`: whose they are. `examples`: one picture by
    "clean" and by corruption at severity `shown`, PNG in base64. `simulated`, `left_out`: artefacts that were not
    asked, as only a simulator runs them, or as four are enough. `advice`: keys of the recipe that may help.
    """

    pictures: int
    margin: float
    source: str
    units: dict[str, str]
    strengths: dict[str, tuple[float, ...]]
    shown: int
    examples: dict[str, str]
    float_model: Model
    compared: tuple[Compared, ...]
    simulated: tuple[str, ...]
    left_out: tuple[str, ...]
    advice: tuple[str, ...]


def measure(inspection: Inspection) -> Facts:
    """Ask float Keras, and each distinct artefact in its quickest runtime, about corrupted pictures."""
    blind = inspection.blind
    height, width, _ = blind.images.shape[1:]
    positions = balanced_positions(blind.labels, _count(height * width), seed=0)
    samples = _part(blind, positions)
    quick = [artefact for artefact in inspection.models if not artefact.quickest.simulated]
    with tempfile.TemporaryDirectory(prefix="edgewise-") as folder:
        file = Path(folder) / "pictures.npy"
        pictures = corrupted(samples, file, inspection.report)
        model = inspection.run / "train" / "model.keras"
        float_right = _right(ask_float(model, file, len(pictures), inspection.child, inspection.report), pictures)
        right = [_right(ask(artefact.quickest, pictures, inspection), pictures) for artefact in quick[:MOST]]
    float_clean = inspection.float_logits.blind_test[positions].argmax(axis=1) == samples.labels
    float_model = _model("float Keras", "float32", float_clean, float_right)
    low, high = wilson_interval(len(samples) // 2, len(samples))
    side = min(height, width)
    return Facts(
        pictures=len(samples),
        margin=(high - low) / 2,
        source="CIFAR-10-C" if side <= SMALL_SIDE else "ImageNet-C",
        units={name: corruption.unit for name, corruption in CORRUPTIONS.items()},
        strengths={name: strengths(name, side) for name in CORRUPTIONS},
        shown=_SHOWN,
        examples=_examples(samples),
        float_model=float_model,
        compared=tuple(
            _compare(artefact, inspection.logits(artefact.quickest)[positions], samples, each, float_clean, float_right)
            for artefact, each in zip(quick[:MOST], right, strict=False)
        ),
        simulated=tuple(each.quickest.name for each in inspection.models if each.quickest.simulated),
        left_out=tuple(each.quickest.name for each in quick[MOST:]),
        advice=_advice(inspection, float_model),
    )


def _count(pixels: int) -> int:
    fewest, most = _PICTURES
    return min(most, max(fewest, _PIXELS // pixels))


def _part(samples: Samples, positions: NDArray[np.int64]) -> Samples:
    return replace(
        samples,
        labels=samples.labels[positions],
        index=samples.index[positions],
        names=tuple(samples.names[at] for at in positions),
    )


def _right(logits: NDArray[np.float32], pictures: Samples) -> Truths:
    right: Truths = (logits.argmax(axis=1) == pictures.labels).reshape(len(CORRUPTIONS), len(SEVERITIES), -1)
    return right


def _model(name: str, precision: str, clean: Truths, right: Truths) -> Model:
    return Model(
        name=name,
        precision=precision,
        clean=float(clean.mean()),
        accuracy={
            corruption: tuple(float(share) for share in of_all.mean(axis=1))
            for corruption, of_all in zip(CORRUPTIONS, right, strict=True)
        },
        mean=float(right.mean()),
    )


def _compare(
    artefact: Artefact,
    clean_logits: NDArray[np.float32],
    samples: Samples,
    right: Truths,
    float_clean: Truths,
    float_right: Truths,
) -> Compared:
    clean = clean_logits.argmax(axis=1) == samples.labels
    lost = float_right.astype(np.float64) - right
    over_all = lost.mean(axis=(0, 1))
    model = _model(artefact.quickest.name, artefact.precision, clean, right)
    return Compared(
        **vars(model),
        relative=float(right.mean() / float_right.mean()) if float_right.any() else None,
        losses={name: _loss(each.mean(axis=0)) for name, each in zip(CORRUPTIONS, lost, strict=True)},
        loss=_loss(over_all),
        sooner=_loss(over_all - (float_clean.astype(np.float64) - clean)),
    )


def _loss(lost: NDArray[np.float64]) -> Loss:
    """The mean over pictures of what each lost, [n]."""
    from scipy.stats import sem, t

    drop = float(lost.mean())
    reach = float(t.ppf(0.975, len(lost) - 1) * sem(lost)) if len(lost) > 1 else 2.0  # one picture tells nothing
    return Loss(drop=drop, interval=(drop - reach, drop + reach))


def _examples(samples: Samples) -> dict[str, str]:
    first = np.arange(1)
    picture = samples.pick(first)
    shown = {name: corrupt(name, picture, _SHOWN, samples.index[first]) for name in CORRUPTIONS}
    return {name: _png(each[0]) for name, each in {"clean": picture, **shown}.items()}


def _png(picture: NDArray[np.uint8]) -> str:
    image = Image.fromarray(picture.squeeze())
    image.thumbnail((_THUMBNAIL, _THUMBNAIL))
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def _advice(inspection: Inspection, model: Model) -> tuple[str, ...]:
    """Changes of training pictures that the recipe leaves out, for the corruptions that cost the most."""
    augment = inspection.recipe.train.augment
    return tuple(
        f"train.augment.{key}"
        for name, key in _LEARNT.items()
        if np.mean(model.accuracy[name]) < (1 - _FALLS) * model.clean and not getattr(augment, key)
    )

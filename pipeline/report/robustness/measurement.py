"""Asking float Keras, and each distinct artefact, about corrupted pictures."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.data.balance import balanced_positions
from pipeline.data.dataset import Samples
from pipeline.report.inspection import Artefact, Inspection
from pipeline.report.robustness.affordable import plan
from pipeline.report.robustness.answers import Truths, right_answers
from pipeline.report.robustness.corruptions import CORRUPTIONS, SMALL_SIDE, corrupt, strengths
from pipeline.report.robustness.facts import Compared, Facts, Loss, Model
from pipeline.report.robustness.verdict import verdict
from pipeline.statistics import wilson_interval
from pipeline.subset import pick

_SHOWN = 3  # the severity of the example
_THUMBNAIL = 96  # pixels, the longest side of an example
_FALLS = 0.1  # share of its accuracy that a corruption costs before advice is given

# The recipe's key that lets a model learn to bear a corruption, where there is one.
_LEARNT = {"brightness": "brightness", "contrast": "contrast", "occlusion": "cutout", "rotation": "rotate"}


def measure(inspection: Inspection) -> Facts:
    """Ask float Keras, and each distinct artefact in its quickest runtime, about corrupted pictures."""
    blind, planned = inspection.blind, plan(inspection)
    positions = balanced_positions(blind.labels, planned.pictures, seed=0)
    samples = pick(blind, positions)
    subjects = [artefact.quickest for artefact in planned.asked]
    float_right, *right = right_answers(inspection, samples, subjects)
    float_clean = inspection.float_logits.blind_test[positions].argmax(axis=1) == samples.labels
    float_model = _model("float Keras", "float32", float_clean, float_right)
    costs = {name: _loss(float_clean - each.mean(axis=0)) for name, each in zip(CORRUPTIONS, float_right, strict=True)}
    low, high = wilson_interval(len(samples) // 2, len(samples))
    side = min(blind.images.shape[1:3])
    return Facts(
        pictures=len(samples),
        margin=(high - low) / 2,
        source="CIFAR-10-C" if side <= SMALL_SIDE else "ImageNet-C",
        units={name: corruption.unit for name, corruption in CORRUPTIONS.items()},
        strengths={name: strengths(name, side) for name in CORRUPTIONS},
        shown=_SHOWN,
        examples=_examples(samples),
        float_model=float_model,
        costs=costs,
        compared=tuple(
            _compare(artefact, inspection.logits(artefact.quickest)[positions], samples, each, float_clean, float_right)
            for artefact, each in zip(planned.asked, right, strict=True)
        ),
        simulated=_names(planned.simulated),
        too_slow=_names(planned.too_slow),
        left_out=_names(planned.left_out),
        advice=_advice(inspection, float_model),
        verdict=verdict(len(samples), float_model, costs),
    )


def _names(artefacts: tuple[Artefact, ...]) -> tuple[str, ...]:
    return tuple(each.quickest.name for each in artefacts)


def _model(name: str, precision: str, clean: Truths, right: Truths) -> Model:
    return Model(
        name=name,
        precision=precision,
        clean=float(clean.mean()),
        accuracy={
            corruption: tuple(float(share) for share in of_all.mean(axis=1))
            for corruption, of_all in zip(CORRUPTIONS, right, strict=True)
        },
        means={corruption: float(of_all.mean()) for corruption, of_all in zip(CORRUPTIONS, right, strict=True)},
        by_severity=tuple(float(share) for share in right.mean(axis=(0, 2))),
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
    """Changes of training pictures that the recipe leaves out, for the corruptions that cost the most; none where the
    recipe trains nothing."""
    train = inspection.recipe.train
    if train.epochs == 0:
        return ()
    return tuple(
        f"train.augment.{key}"
        for name, key in _LEARNT.items()
        if model.means[name] < (1 - _FALLS) * model.clean and not getattr(train.augment, key)
    )

"""Reliability diagrams, and accuracy against coverage."""

from typing import Any

from pipeline.report.confidence.calibration import FEWEST, Calibration
from pipeline.report.confidence.facts import Facts, Model
from pipeline.report.drawing import MUTED, SERIES, Drawing, canvas, finish

MOST = 4  # models drawn; results.json has all
_MARKS = "osD^"


def draw(facts: Facts) -> dict[str, Drawing]:
    """ "reliability": accuracy by confidence, as served and at the temperature that fits; "coverage": accuracy by share
    answered."""
    models = facts.models[:MOST]
    return {"reliability": _reliability(models, facts.blind), "coverage": _coverage(models, facts.blind)}


def _reliability(models: tuple[Model, ...], count: int) -> Drawing:
    rows = -(-len(models) // 2)
    figure, axes = canvas(7, 0.4 + 3.2 * rows, rows, 2, sharex=True, sharey=True, squeeze=False)
    words = [
        f"Accuracy against confidence on {count:,} blind-test pictures; on the diagonal a score is the chance to be "
        "right."
    ]
    for axis in axes.flat[len(models) :]:
        axis.set_visible(False)
    for axis, model in zip(axes.flat, models, strict=False):
        axis.plot((0, 100), (0, 100), color=MUTED, linestyle=":", linewidth=1.2)
        _points(axis, model.served, SERIES[0], "o", _label(model.temperature))
        words.append(_told(model, model.served, model.temperature))
        if model.scaled is not None and model.fitted is not None:
            label = _label(model.fitted.temperature)
            if label != _label(model.temperature):
                _points(axis, model.scaled, SERIES[1], "D", label)
                words.append(_told(model, model.scaled, model.fitted.temperature))
        axis.set_title(f"{model.name}, {model.precision}".replace(" in ", "\nin "))
        axis.set(xlim=(0, 102), ylim=(0, 102), aspect="equal")
        axis.grid()
        axis.legend(loc="upper left", fontsize=8)
    figure.supxlabel("confidence, %", fontsize=9)
    figure.supylabel("right, %", fontsize=9)
    return finish(figure, "confidence-reliability", " ".join(words))


def _points(axis: Any, judged: Calibration, colour: str, mark: str, label: str) -> None:
    """A mark for each bin that holds enough, and the interval of its accuracy."""
    shown = [each for each in judged.bins if each.count >= FEWEST] or judged.bins
    at = [100 * each.confidence for each in shown]
    accuracy = [100 * each.accuracy for each in shown]
    ends = [(100 * each.interval[0], 100 * each.interval[1]) for each in shown]
    axis.vlines(at, *zip(*ends, strict=True), color=colour, linewidth=1.2, alpha=0.6)
    axis.plot(at, accuracy, color=colour, marker=mark, markersize=4, linewidth=1, label=label)


def _label(temperature: float) -> str:
    return "as it comes" if temperature == 1 else f"divided by {temperature:.3g}"


def _told(model: Model, judged: Calibration, temperature: float) -> str:
    sure = "more" if judged.gap > 0 else "less"
    words = "as it comes" if temperature == 1 else f"with logits divided by {temperature:.3g}"
    return (
        f"{model.name}, {words}: on average {abs(100 * judged.gap):.1f} points {sure} sure than right, expected "
        f"calibration error {judged.ece:.1%}."
    )


def _coverage(models: tuple[Model, ...], count: int) -> Drawing:
    figure, axis = canvas(7, 3)
    words = [
        f"Accuracy of what is answered against the share of {count:,} blind-test pictures that is answered, the surest "
        "first."
    ]
    for model, colour, mark in zip(models, SERIES, _MARKS, strict=False):
        points = model.curve
        axis.plot(
            [100 * each.coverage for each in points],
            [100 * each.accuracy for each in points],
            color=colour,
            marker=mark,
            markevery=8,
            label=model.name,
        )
        half = min(points, key=lambda each: abs(each.coverage - 0.5))
        words.append(
            f"{model.name}: {points[-1].accuracy:.1%} right where all is answered, {half.accuracy:.1%} of the surest "
            f"{half.coverage:.0%}."
        )
    axis.set(xlabel="answered, % of pictures", ylabel="right of those, %", xlim=(0, 102))
    axis.set_ylim(top=100.5)
    axis.grid()
    axis.legend(loc="lower left", fontsize=8)
    return finish(figure, "confidence-coverage", " ".join(words))

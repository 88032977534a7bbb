"""Accuracy by severity, one small drawing for each corruption; and what the corruptions look like."""

import base64
import io
from typing import Any

from pipeline.report.drawing import MUTED, SERIES, Drawing, canvas, finish
from pipeline.report.robustness.corruptions import CORRUPTIONS, SEVERITIES
from pipeline.report.robustness.facts import Facts, Model

_MARKS = "osD^"
_COLUMNS = 4


def draw(facts: Facts) -> dict[str, Drawing]:
    """ "severity": accuracy against severity; "examples": one picture, clean and in every corruption."""
    return {"severity": _severity(facts), "examples": _examples(facts)}


def _severity(facts: Facts) -> Drawing:
    models = (facts.float_model, *facts.compared)
    rows = -(-(len(CORRUPTIONS) + 1) // _COLUMNS)
    figure, axes = canvas(7, 2.1 * rows + 0.2 * len(models), rows, _COLUMNS, sharex=True, sharey=True)
    for axis, name in zip(axes.flat, (*CORRUPTIONS, "mean of all"), strict=False):
        _plot(axis, facts.float_model, name, color=MUTED, alpha=0.4, linewidth=6)  # artefacts keep to it
        for model, colour, mark in zip(facts.compared, SERIES, _MARKS, strict=False):
            _plot(axis, model, name, color=colour, marker=mark, markersize=3, linewidth=1.3)
        axis.set(title=name, xticks=(0, *SEVERITIES), ylim=(0, 103))
        axis.grid(axis="y")
    for axis in axes[-1]:
        axis.set_xlabel("severity; 0: clean", fontsize=8)
    for axis in axes[:, 0]:
        axis.set_ylabel("right, %")
    lines = axes.flat[0].get_lines()
    figure.legend(lines, [f"{each.name}, {each.precision}" for each in models], loc="outside lower left", fontsize=8)
    return finish(figure, "robustness-severity", _words(facts))


def _plot(axis: Any, model: Model, name: str, **style: Any) -> None:
    shares = model.accuracy.get(name, model.by_severity)
    axis.plot((0, *SEVERITIES), [100 * share for share in (model.clean, *shares)], **style)


def _words(facts: Facts) -> str:
    told = [
        f"Accuracy against severity on {facts.pictures:,} pictures, a small drawing for each of {len(CORRUPTIONS)} "
        "corruptions and one for their mean."
    ]
    for model in (facts.float_model, *facts.compared):
        ends = ", ".join(f"{name} {shares[-1]:.0%}" for name, shares in model.accuracy.items())
        told.append(
            f"{model.name}: {model.clean:.1%} on clean pictures; at severity 5: {ends}; {model.mean:.1%} in all."
        )
    return " ".join(told)


def _examples(facts: Facts) -> Drawing:
    from PIL import Image

    rows = -(-len(facts.examples) // _COLUMNS)
    figure, axes = canvas(4, 1.2 * rows, rows, _COLUMNS)
    for axis, (name, png) in zip(axes.flat, facts.examples.items(), strict=True):
        with Image.open(io.BytesIO(base64.b64decode(png))) as image:
            axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axis.set_title(name, fontsize=9)
        axis.set_axis_off()
    words = (
        f"One blind-test picture, clean and with each corruption at severity {facts.shown}: {', '.join(CORRUPTIONS)}."
    )
    return finish(figure, "robustness-examples", words)

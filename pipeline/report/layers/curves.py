"""The signal-to-quantization-noise ratio along the layers of each model."""

from typing import Any

from pipeline.diagnosis.diagnosis import Diagnosis, LayerFacts
from pipeline.report.drawing import ACCENT, BAD, MUTED, Drawing, canvas, finish
from pipeline.report.layers.damage import Facts

_LOWEST, _HIGHEST = -10.0, 90.0  # dB: beyond, all is lost, or nothing differs that anyone could see
_NAMED = 20  # layers that have room for their names


def draw(facts: Facts) -> dict[str, Drawing]:
    """A drawing for each model by its name: SQNR of its layers in order, in the end and of each layer's own."""
    return {
        model.name: _curve(model, f"layers-{number}")
        for number, model in enumerate(facts.models)
        if any(layer.number for layer in model.layers)
    }


def _curve(model: Diagnosis, name: str) -> Drawing:
    layers = [layer for layer in model.layers if layer.number]
    figure, axis = canvas(7, 3.2)
    at = [layer.number for layer in layers]
    axis.plot(at, [_shown(layer.sqnr) for layer in layers], color=MUTED, marker="o", label="in the end")
    own = [layer for layer in layers if layer.own_sqnr is not None]
    axis.plot(
        [layer.number for layer in own], [_shown(layer.own_sqnr) for layer in own],
        color=ACCENT, marker="s", linestyle="", label="the layer's own",
    )  # fmt: skip
    _mark_blamed(axis, layers)
    below_axis = [*([] if len(layers) <= _NAMED else ["layer"]), *_beyond(layers)]
    axis.set(ylabel="SQNR, dB (higher is better)", xlabel="; ".join(below_axis))
    if len(layers) <= _NAMED:
        axis.set_xticks(at, [f"{layer.number} {layer.name or layer.kind}" for layer in layers], rotation=40, ha="right")
    axis.grid(axis="y")
    axis.legend(loc="best")
    return finish(figure, name, _words(model, layers, own))


def _mark_blamed(axis: Any, layers: list[LayerFacts]) -> None:
    blamed = [layer for layer in layers if layer.blamed]
    if blamed:
        levels = [_shown(layer.sqnr if layer.own_sqnr is None else layer.own_sqnr) for layer in blamed]
        axis.plot(
            [layer.number for layer in blamed], levels,
            color=BAD, marker="X", markersize=10, linestyle="", label="to blame",
        )  # fmt: skip


def _shown(sqnr: float | None) -> float:
    return max(_LOWEST, min(_HIGHEST, sqnr or 0.0))


def _beyond(layers: list[LayerFacts]) -> list[str]:
    """What is to be known of values that lie beyond the drawing."""
    levels = [level for layer in layers for level in (layer.sqnr, layer.own_sqnr) if level is not None]
    above = [f"what is above {_HIGHEST:.0f} dB is drawn at {_HIGHEST:.0f}"] if max(levels) > _HIGHEST else []
    below = [f"what is below {_LOWEST:.0f} dB is drawn at {_LOWEST:.0f}"] if min(levels) < _LOWEST else []
    return above + below


def _words(model: Diagnosis, layers: list[LayerFacts], own: list[LayerFacts]) -> str:
    words = (
        f"Signal-to-quantization-noise ratio of the {len(layers)} layers of {model.name} against float: "
        f"{layers[0].sqnr:.0f} dB after the first, {layers[-1].sqnr:.0f} dB after the last"
    )
    if own:
        worst = min(own, key=lambda layer: layer.own_sqnr or 0.0)
        words += f"; on the inputs that it receives, {worst.label} is worst with {worst.own_sqnr:.0f} dB"
    blamed = [layer.label for layer in layers if layer.blamed]
    return "; ".join((words, f"to blame: {', '.join(blamed) or 'none'}", *_beyond(layers))) + "."

"""The ranking, the selective path and the front."""

import math
from collections.abc import Sequence
from typing import Any

from pipeline.diagnosis.layers import keras_name
from pipeline.quantization.selective import LayerDamage
from pipeline.report.drawing import ACCENT, BAD, MUTED, SERIES, SURFACE, Drawing, canvas, finish
from pipeline.report.sensitivity.facts import Facts, Form

_MOST_LAYERS = 15
_NEAR = 0.07  # of an axis: numbers of points that are nearer would cover each other


def draw(facts: Facts) -> dict[str, Drawing]:
    """ "ranking": the worst layers; "path": accuracy against layers left float; "front": accuracy against latency and
    against size."""
    drawings = {}
    if facts.layers:
        drawings["ranking"] = _ranking(facts.layers[:_MOST_LAYERS], facts)
    path = sorted(
        (form for form in facts.forms if form.layers_float is not None), key=lambda form: form.layers_float or 0
    )
    if len(path) > 1:
        drawings["path"] = _path(path, facts)
    if facts.forms:
        drawings["front"] = _front(facts.forms)
    return drawings


def short_name(layer: LayerDamage) -> str:
    """What people call the layer, e.g. "conv2d_1 (CONV_2D)"; what no Keras layer is named for makes the logits."""
    return f"{keras_name([layer.name]) or 'output'} ({layer.operator})"


def _ranking(layers: Sequence[LayerDamage], facts: Facts) -> Drawing:
    figure, (left, right) = canvas(7, 0.9 + 0.24 * len(layers), 1, 2, sharey=True)
    names, reliefs = [short_name(layer) for layer in layers], [100 * (layer.relief or 0.0) for layer in layers]
    left.barh(range(len(layers)), reliefs, color=ACCENT, height=0.66)
    for row, layer in enumerate(layers):
        if layer.relief is None:
            left.annotate("not tried", (0, row), (4, 0), textcoords="offset points", va="center", color=MUTED)
    left.set(title="Logit error that goes, %", yticks=range(len(layers)))
    left.set_yticklabels(names)
    left.invert_yaxis()
    left.axvline(0, color=MUTED, linewidth=0.8)
    right.barh(range(len(layers)), [layer.error for layer in layers], color=SERIES[0], height=0.66)
    right.axvline(facts.rounding, color=MUTED, linestyle="--", linewidth=1)
    right.set(title="Own error, steps")
    for axis in (left, right):
        axis.grid(axis="x")
        axis.set_axisbelow(True)
    told = "; ".join(
        f"{name} {relief:.1f} %, {layer.error:.2f} steps"
        for name, relief, layer in zip(names, reliefs, layers, strict=True)
    )
    words = (
        f"The {len(layers)} most damaged of {len(facts.layers)} layers: the share of the logits' error that goes where "
        f"the layer alone stays float, and its own error, of which rounding explains {facts.rounding:.2f}. {told}."
    )
    return finish(figure, "sensitivity-ranking", words)


def _path(path: Sequence[Form], facts: Facts) -> Drawing:
    figure, (left, right) = canvas(7, 2.7, 1, 2)
    at = [form.layers_float or 0 for form in path]
    drops = [100 * form.drop for form in path]
    reach = [
        [100 * (form.drop - form.drop_interval[0]) for form in path],
        [100 * (form.drop_interval[1] - form.drop) for form in path],
    ]
    left.errorbar(at, drops, yerr=reach, color=ACCENT, marker="o", capsize=3, elinewidth=1)
    left.axhline(100 * facts.budget, color=BAD, linestyle="--", linewidth=1)
    left.annotate("budget", (at[-1], 100 * facts.budget), (0, 3), textcoords="offset points", ha="right", color=BAD)
    left.set(title="Points of top-1 lost", xlabel="layers left float")
    right.plot(at, [form.bytes / 1024 for form in path], color=SERIES[0], marker="o")
    right.set(title="KiB", xlabel="layers left float")
    right.set_ylim(bottom=0)
    for axis in (left, right):
        axis.set_xticks(at)
        axis.grid(axis="y")
    told = "; ".join(
        f"{count} float: loses {drop:+.2f} points, {form.bytes / 1024:.1f} KiB"
        for count, drop, form in zip(at, drops, path, strict=True)
    )
    return finish(figure, "sensitivity-path", f"The selective path, {path[0].samples:,} validation pictures. {told}.")


def _front(forms: Sequence[Form]) -> Drawing:
    figure, (left, right) = canvas(7, 3.4, 1, 2, sharey=True)
    order = sorted(forms, key=lambda form: form.latency_ms)
    _scatter(left, order, [form.latency_ms for form in order])
    _scatter(right, order, [form.bytes / 1024 for form in order])
    left.set(xlabel="ms a picture, log scale", title="Accuracy and latency")
    right.set(xlabel="KiB, log scale", title="Accuracy and size")
    left.set_ylabel("points of top-1 lost (up is better)")
    left.invert_yaxis()
    told = "; ".join(
        f"{number} {form.name}{' (front)' if form.front else ''}: loses {100 * form.drop:+.2f} points, "
        f"{form.latency_ms:.3f} ms, {form.bytes / 1024:.1f} KiB"
        for number, form in enumerate(order, 1)
    )
    return finish(figure, "sensitivity-front", f"Accuracy against latency and size of {len(forms)} forms. {told}.")


def _scatter(axis: Any, forms: Sequence[Form], costs: Sequence[float]) -> None:
    """Numbered forms: filled on the front, hollow where another form beats them."""
    from matplotlib.ticker import LogLocator, NullLocator

    axis.set_xscale("log")
    axis.margins(0.1, 0.25)
    drops = [100 * form.drop for form in forms]
    for number, (form, cost, level) in enumerate(zip(forms, costs, label_levels(costs, drops), strict=True), 1):
        edge = ACCENT if form.front else MUTED
        face = edge if form.front else SURFACE
        place = (cost, 100 * form.drop)
        axis.plot(*place, marker="o", markersize=7, markerfacecolor=face, markeredgecolor=edge)
        weight = "bold" if form.front else "normal"
        above = (0, 8 + 11 * level)
        axis.annotate(str(number), place, above, textcoords="offset points", ha="center", fontsize=8, weight=weight)
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter("{x:g}")
    axis.grid()
    axis.set_axisbelow(True)


def label_levels(costs: Sequence[float], drops: Sequence[float]) -> list[int]:
    """How many lines each point's number stands higher than usual, so that near points' numbers do not cover each
    other. `costs` are drawn on a logarithmic scale."""
    across = _shares([math.log(cost) for cost in costs])
    along = _shares(drops)
    levels: list[int] = []
    for at in range(len(costs)):
        near = {
            levels[other]
            for other in range(at)
            if abs(across[at] - across[other]) < _NEAR and abs(along[at] - along[other]) < 2 * _NEAR
        }
        levels.append(next(level for level in range(len(costs) + 1) if level not in near))
    return levels


def _shares(values: Sequence[float]) -> list[float]:
    """Where each value stands between the smallest (0) and the largest (1)."""
    low, reach = min(values), max(values) - min(values)
    return [(value - low) / reach if reach else 0.0 for value in values]

"""Confusion matrices, and the drop of each class with its interval."""

from typing import Any

from pipeline.report.classes.changes import Facts, Matrix, ModelChange
from pipeline.report.drawing import ACCENT, BAD, INK, MUTED, Drawing, canvas, finish
from pipeline.report.names import shorten

MOST_DRAWN = 20  # classes in a matrix, and rows of drops
_MOST_MODELS = 3
_LONGEST = 18  # characters of a class's name; the text alternative has all of them
_SHADE = 0.5  # of the fullest cell: ink is still read on it


def draw(facts: Facts) -> dict[str, Drawing]:
    """ "matrix-float", and for each of the first models, by its place, "matrix-0" and "drops-0".

    Matrices are drawn of twenty classes at most; drops of the classes that changed most.
    """
    drawings = {}
    few = len(facts.names) <= MOST_DRAWN
    if few and facts.float_matrix is not None:
        drawings["matrix-float"] = _matrix(facts.float_matrix, facts.names, "float", "float")
    for place, model in enumerate(facts.models[:_MOST_MODELS]):
        if few and model.matrix is not None:
            drawings[f"matrix-{place}"] = _matrix(model.matrix, facts.names, model.subject, str(place))
        if model.flips:
            drawings[f"drops-{place}"] = _drops(model, str(place))
    return drawings


def _matrix(matrix: Matrix, names: tuple[str, ...], title: str, key: str) -> Drawing:
    count = len(names)
    side = min(6.6, 1.4 + 0.31 * count)
    figure, axis = canvas(side + 0.4, side)
    axis.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5), xticks=range(count), yticks=range(count))
    axis.set(title=title, xlabel="answer", ylabel="true class", aspect="equal")
    ticks = [shorten(name, _LONGEST) for name in names]
    axis.set_xticklabels(ticks, rotation=90 if max(map(len, ticks)) > 2 else 0)
    axis.set_yticklabels(ticks)
    size = 7 if count <= 10 else 6
    for truth, row in enumerate(matrix):
        for answer, found in enumerate(row):
            if found:
                _cell(axis, truth, answer, found / sum(row))
                axis.text(answer, truth, str(found), ha="center", va="center", size=size)
    right = sum(matrix[at][at] for at in range(count))
    wrong = sorted(
        ((row[answer], truth, answer) for truth, row in enumerate(matrix) for answer in range(count)), reverse=True
    )
    worst = [
        f"{names[truth]} for {names[answer]} ({found})" for found, truth, answer in wrong if truth != answer and found
    ]
    told = f"most often it takes {', '.join(worst[:3])}" if worst else "it takes none for another"
    words = f"Confusion matrix of {title}: {right} of {sum(map(sum, matrix))} pictures on the diagonal; {told}."
    return finish(figure, f"classes-matrix-{key}", words)


def _cell(axis: Any, truth: int, answer: int, share: float) -> None:
    from matplotlib.patches import Rectangle

    colour = ACCENT if truth == answer else BAD
    # Rare confusions are the ones to see: the root lifts them.
    axis.add_patch(
        Rectangle((answer - 0.5, truth - 0.5), 1, 1, facecolor=colour, edgecolor="none", alpha=_SHADE * share**0.5)
    )


def _drops(model: ModelChange, key: str) -> Drawing:
    changed = [each for each in model.classes if each.lost or each.gained]
    shown = sorted(changed, key=lambda each: abs(each.drop), reverse=True)[:MOST_DRAWN]
    shown.sort(key=lambda each: each.drop, reverse=True)
    figure, axis = canvas(7, 0.9 + 0.24 * len(shown))
    axis.axvline(0, color=INK, linewidth=1)
    for row, each in enumerate(shown):
        low, high = each.drop_interval
        colour = MUTED if not each.real else BAD if each.drop > 0 else ACCENT
        axis.plot([100 * low, 100 * high], [row, row], color=colour, linewidth=1.6)
        fill = "none" if colour == MUTED else "full"
        axis.plot(100 * each.drop, row, color=colour, marker="o", fillstyle=fill, linestyle="none")
    axis.set(yticks=range(len(shown)), title=model.subject)
    axis.set_xlabel("points of the class's recall lost against float; left of 0 gained")
    axis.set_yticklabels([f"{shorten(each.name, _LONGEST)} ({each.samples:,})" for each in shown])
    axis.invert_yaxis()
    axis.grid(axis="x")
    axis.set_axisbelow(True)
    told = "; ".join(f"{each.name} {100 * each.drop:+.2f} of {each.samples:,} pictures" for each in shown[:MOST_DRAWN])
    words = f"Loss of recall by class of {model.subject} against float, in points: {told}."
    return finish(figure, f"classes-drops-{key}", words)

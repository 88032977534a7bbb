"""Learning curves."""

from pipeline.report.drawing import MUTED, SERIES, Drawing, canvas, finish
from pipeline.report.training.history import Facts


def draw(facts: Facts) -> dict[str, Drawing]:
    """ "curves": loss on training and validation, and top-1 on validation, over all epochs."""
    epochs = facts.epochs
    if not epochs:
        return {}
    figure, (left, right) = canvas(7, 2.6, 1, 2)
    at = range(1, len(epochs) + 1)
    left.plot(at, [epoch.loss for epoch in epochs], color=SERIES[0], label="training")
    left.plot(at, [epoch.validation_loss for epoch in epochs], color=SERIES[1], label="validation")
    left.set(title="Loss", xlabel="epoch", yscale="log")
    left.yaxis.set_major_formatter("{x:g}")
    left.yaxis.set_minor_formatter("{x:g}")
    left.legend()
    right.plot(at, [100 * epoch.validation_top1 for epoch in epochs], color=SERIES[1])
    right.set(title="Top-1 on validation, %", xlabel="epoch")
    for axis in (left, right):
        axis.grid(axis="y")
        for start in (number for number in at[1:] if epochs[number - 1].phase != epochs[number - 2].phase):
            axis.axvline(start - 0.5, color=MUTED, linestyle=":", linewidth=1)
    best = max(epochs, key=lambda epoch: epoch.validation_top1)
    words = (
        f"Learning curves over {len(epochs)} epochs: training loss goes from {epochs[0].loss:.3f} to "
        f"{epochs[-1].loss:.3f}, validation loss from {epochs[0].validation_loss:.3f} to "
        f"{epochs[-1].validation_loss:.3f}; top-1 on validation is best in epoch {best.number} ({best.phase}) with "
        f"{best.validation_top1:.2%}."
    )
    return {"curves": finish(figure, "training-curves", words)}

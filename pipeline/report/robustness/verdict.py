"""What costs float most and least, in words."""

from collections.abc import Mapping
from itertools import groupby

from pipeline.report.robustness.facts import Loss, Model


def verdict(pictures: int, model: Model, costs: Mapping[str, Loss]) -> str:
    """A sentence or two on `model` and what each corruption `costs` it; those alike to a decimal are named together."""
    ordered = sorted(model.means, key=lambda name: model.means[name])
    groups = [(share, list(names)) for share, names in groupby(ordered, key=lambda name: _percent(model.means[name]))]
    worst, clean = groups[0], _percent(model.clean)
    if not any(cost.real for cost in costs.values()):
        return (
            f"No corruption costs float more than these {pictures:,} pictures can tell: it is right on {clean} of them "
            f"clean, and at worst on {worst[0]}, a mean over the five severities ({_listed(worst[1])})."
        )
    words = (
        f"{_start(worst[1], 'break')} first: float falls from {clean} on clean pictures to {worst[0]} on average over "
        "the five severities"
    )
    if len(groups) > 2:
        words += f"; then {_listed(groups[1][1])} ({groups[1][0]})"
    if len(groups) > 1:
        words += f". {_start(groups[-1][1], 'cost')} least ({groups[-1][0]})"
    unsure = [name for name in ordered if not costs[name].real]
    if unsure:
        words += f". These {pictures:,} pictures cannot tell that {_listed(unsure)} costs anything"
    return f"{words}."


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _start(names: list[str], verb: str) -> str:
    listed = _listed(names)
    return f"{listed[0].upper()}{listed[1:]} {verb}{'s' if len(names) == 1 else ''}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

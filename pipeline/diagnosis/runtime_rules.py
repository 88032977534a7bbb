"""What a divergence between runtimes or files means."""

from itertools import groupby

from pipeline.diagnosis.advice import Advice, called
from pipeline.diagnosis.culprits import Evidence
from pipeline.diagnosis.divergence import LayerDifference


def diverging(evidence: Evidence) -> list[Advice]:
    """Where each runtime or file begins to answer otherwise than the reference, and whether rounding explains it."""
    return [*_faults(evidence), *_roundings(evidence)]


def _faults(evidence: Evidence) -> list[Advice]:
    return [
        Advice(
            rule="runtimes",
            layers=(fault.layer.number,),
            kind="bad",
            words=(
                f"{name} begins to answer otherwise than the reference in {called(evidence, fault.layer.number)}: "
                f"up to {fault.largest:.0f} steps off, and {fault.differing:.1%} of its values differ, which no "
                "rounding explains. One of the two files or runtimes does not compute this layer: export again."
            ),
        )
        for name, divergence in evidence.divergences.items()
        if (fault := divergence.fault) is not None
    ]


def _roundings(evidence: Evidence) -> list[Advice]:
    """Runtimes that begin to differ in the same layer are told together."""
    first = {
        name: divergence.first
        for name, divergence in evidence.divergences.items()
        if divergence.fault is None and divergence.first is not None
    }
    ordered = sorted(first.items(), key=lambda item: item[1].layer.number)
    return [_rounding(evidence, dict(group)) for _, group in groupby(ordered, key=lambda item: item[1].layer.number)]


def _rounding(evidence: Evidence, first: dict[str, LayerDifference]) -> Advice:
    number = next(iter(first.values())).layer.number
    names = [*first]
    who = f"{names[0]} rounds" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} round"
    share, steps = max(each.differing for each in first.values()), max(each.largest for each in first.values())
    return Advice(
        rule="runtimes",
        layers=(number,),
        kind="note",
        words=(
            f"{who} otherwise than the reference, first in {called(evidence, number)}: {share:.2%} of its values, by "
            f"{steps:.4g} {'step' if steps <= 1 else 'steps'} at most. That is rounding; there is nothing to do."
        ),
    )

"""Every artefact against the float model on the same blind-test pictures, pair by pair."""

from dataclasses import dataclass
from typing import Literal, cast

from pipeline.budget import Judgement, judge
from pipeline.recipe import BudgetTest, TargetName
from pipeline.report.inspection import Inspection, Subject
from pipeline.statistics import (
    SIGNIFICANT,
    Interval,
    bootstrap_interval,
    mcnemar_exact,
    samples_to_tell,
    score_interval,
    wilson_interval,
)

Difference = Literal["loss", "gain", "none"]
Budget = Literal["holds", "broken", "unclear"]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One file in one runtime against float, under one budget. Shares are of 0..1, drops of -1..1, above 0 where
    accuracy is lost. `also`: further targets of which all this is true, as they ship the same file.

    `lost`: pictures that float alone gets right; `gained`: those that this one alone does. `p`: McNemar's exact test.
    `drop_interval`: 95 %, Tango's score interval; `bootstrap`: 95 %, from pictures drawn anew. `drop_floor`,
    `drop_bound`: what the drop exceeds and what it does not exceed, with one-sided 95 % confidence. `allowed`: the
    budget of the target. `needed`: pictures that would roughly be enough to tell that it holds, in four cases of five;
    None where these are, or where the drop as measured is not below it.
    """

    subject: str
    also: tuple[str, ...]
    top1: float
    top1_interval: Interval
    lost: int
    gained: int
    p: float
    drop: float
    drop_interval: Interval
    bootstrap: Interval
    drop_floor: float
    drop_bound: float
    allowed: float
    difference: Difference
    budget: Budget
    needed: int | None

    @property
    def name(self) -> str:
        """The subject, and the targets that share it: "cpu/model.tflite in litert (also coral)"."""
        return f"{self.subject} (also {', '.join(self.also)})" if self.also else self.subject


@dataclass(frozen=True, kw_only=True)
class Facts:
    """`samples`: pictures of the blind test; `budget_test`: what the recipe holds against the budget."""

    samples: int
    float_top1: float
    float_interval: Interval
    budget_test: BudgetTest
    compared: tuple[Compared, ...]

    @property
    def level(self) -> float:
        """The p below which a difference is called real."""
        return SIGNIFICANT


def measure(inspection: Inspection) -> Facts:
    """Compare every subject of the run with the float model; those of one file, runtime and budget once."""
    labels, reference = inspection.blind.labels, inspection.float_logits.blind_test
    test = inspection.recipe.quantize.budget_test
    right = int((reference.argmax(1) == labels).sum())
    compared = []
    judged = _judged(inspection)
    for number, ((_, _, allowed), (subject, *others)) in enumerate(judged.items()):
        inspection.report("comparing with float, pair by pair", number, len(judged))
        loss = judge(inspection.logits(subject), reference, labels, allowed, test)
        also = tuple(dict.fromkeys(other.target for other in others if other.target != subject.target))
        compared.append(_compared(subject.name, also, right, loss))
    return Facts(
        samples=len(labels),
        float_top1=right / len(labels),
        float_interval=wilson_interval(right, len(labels)),
        budget_test=test,
        compared=tuple(compared),
    )


def _judged(inspection: Inspection) -> dict[tuple[str, str, float], list[Subject]]:
    """The subjects by file (SHA-256), runtime and budget: a target that ships another's file may have a budget of its
    own."""
    judged: dict[tuple[str, str, float], list[Subject]] = {}
    for artefact in inspection.artefacts:
        allowed = inspection.recipe.budget(cast(TargetName, artefact.target))
        for subject in artefact.subjects:
            judged.setdefault((subject.sha256, subject.runtime, allowed), []).append(subject)
    return judged


def _compared(subject: str, also: tuple[str, ...], float_right: int, loss: Judgement) -> Compared:
    pairs = loss.pairs
    right = float_right - pairs.lost + pairs.gained
    p = mcnemar_exact(pairs)
    difference: Difference = "none" if p >= SIGNIFICANT else "loss" if loss.drop > 0 else "gain"
    budget: Budget = "unclear" if loss.doubtful else "holds" if loss.fits else "broken"
    return Compared(
        subject=subject,
        also=also,
        top1=right / pairs.count,
        top1_interval=wilson_interval(right, pairs.count),
        lost=pairs.lost,
        gained=pairs.gained,
        p=p,
        drop=loss.drop,
        drop_interval=score_interval(pairs),
        bootstrap=bootstrap_interval(pairs),
        drop_floor=loss.lowest,
        drop_bound=loss.highest,
        allowed=loss.allowed,
        difference=difference,
        budget=budget,
        needed=samples_to_tell(pairs, loss.allowed) if budget == "unclear" else None,
    )

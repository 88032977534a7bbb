"""Accuracy on corrupted pictures: of float Keras, and of each distinct artefact beside it."""

from dataclasses import dataclass

from pipeline.statistics import Interval


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Accuracy that one has and the other has not, a share in -1..1, with its 95 % interval: Student's t over the
    pictures, each with its mean over the severities, as the same picture stands in all of them."""

    drop: float
    interval: Interval

    @property
    def real(self) -> bool:
        """Whether the loss, not a gain, is more than chance would show."""
        return self.interval[0] > 0


@dataclass(frozen=True, kw_only=True)
class Model:
    """Accuracies are shares of the pictures: on `clean` ones, by corruption at severities 1 to 5; `means` over these by
    corruption, `by_severity` over the corruptions, `mean` over all."""

    name: str
    precision: str
    clean: float
    accuracy: dict[str, tuple[float, ...]]
    means: dict[str, float]
    by_severity: tuple[float, ...]
    mean: float


@dataclass(frozen=True, kw_only=True)
class Compared(Model):
    """An artefact against float. `relative`: its mean as a share of float's, None where float's is 0. `losses`: by
    corruption; `loss`: over all; `sooner`: what that is more than the loss on clean pictures, so that above 0 the
    artefact breaks sooner than float."""

    relative: float | None
    losses: dict[str, Loss]
    loss: Loss
    sooner: Loss


@dataclass(frozen=True, kw_only=True)
class Facts:
    """`pictures` of the blind test, as evenly over the classes as they allow, each in every corruption and severity:
    as many as two minutes and their size allow.

    `margin`: half the 95 % Wilson interval of an accuracy of one half on so many, a share; others are closer.
    `strengths`: by corruption, at severities 1 to 5, in `units`; `source`: whose they are. `examples`: one picture by
    "clean" and by corruption at severity `shown`, PNG in base64. `costs`: what float loses by corruption against clean
    pictures. `simulated`, `too_slow`, `left_out`: artefacts that were not asked, as only a simulator runs them, as they
    would take too long, or as four are enough. `advice`: keys of the recipe that may help. `verdict`: what costs float
    most and least, in words.
    """

    pictures: int
    margin: float
    source: str
    units: dict[str, str]
    strengths: dict[str, tuple[float, ...]]
    shown: int
    examples: dict[str, str]
    float_model: Model
    costs: dict[str, Loss]
    compared: tuple[Compared, ...]
    simulated: tuple[str, ...]
    too_slow: tuple[str, ...]
    left_out: tuple[str, ...]
    advice: tuple[str, ...]
    verdict: str

"""What the evidence means for the network as a whole, where no single layer is to blame."""

from pipeline.diagnosis.advice import Advice
from pipeline.diagnosis.culprits import Evidence, foreign_own

LOW_ANSWER_DB = 20.0  # noise of a tenth of the signal: labels begin to flip
LOST_ANSWER_DB = 10.0  # of a third: many labels flip


def foreign(evidence: Evidence) -> list[Advice]:
    """Where the float model is another network."""
    own = foreign_own(evidence)
    if own is None:
        return []
    return [
        Advice(
            rule="another network",
            layers=(),
            kind="bad",
            words=(
                "This is another network than that float model: on the inputs that they receive, most layers answer "
                f"something else altogether (the middle one of those with weights has {own:.0f} dB; eight bits give 20 "
                "to 40). Compare it with the train folder that it was exported from, or export it again."
            ),
        )
    ]


def learned(evidence: Evidence) -> list[Advice]:
    """Where training went on after the float model."""
    if evidence.precision != "int8-qat":
        return []
    return [
        Advice(
            rule="aware training",
            layers=(),
            kind="note",
            words=(
                "Training aware of int8 has changed the weights since the float model, so a part of the difference in "
                "every layer was learned, not lost: compare layers with each other here, and judge by accuracy."
            ),
        )
    ]


def on_the_whole(evidence: Evidence) -> Advice:
    """The verdict where no layer is to blame: good only where the answers are near float's, too."""
    last = max(evidence.judged, key=lambda each: each.layer.number, default=None)
    if last is None or not last.layer.number:
        words = "No layer of this file has its like in the float model, so none was judged."
        return Advice(rule="not judged", layers=(), kind="note", words=words)
    end, lost = last.total.sqnr, last.total.sqnr < LOST_ANSWER_DB
    if end >= LOW_ANSWER_DB:
        words = f"No layer is to blame: the answers keep {end:.0f} dB against float."
        return Advice(rule="all well", layers=(), kind="good", words=words)
    words = f"No layer stands out; each adds a little, and the answers keep {end:.0f} dB against float. "
    if evidence.precision == "int8-qat" and not lost:
        words += f"Below {LOW_ANSWER_DB:.0f} dB, noise of a tenth of the signal, labels may flip: judge it by accuracy."
        return Advice(rule="none stands out", layers=(), kind="note", words=words)
    words += "Where that costs accuracy, train longer aware of int8 (quantize.epochs), or take int16x8."
    return Advice(rule="uniform", layers=(), kind="bad" if lost else "note", words=words)

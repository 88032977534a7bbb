"""Two artefacts on the same pictures: those of the run that they stand in, or any labelled folder."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from edge.device.errors import BadArtifact
from edge.runtimes import SIMULATORS
from edge.target import size_of_model
from pipeline.answers import Answers as KnownAnswers
from pipeline.compare.comparison import CAUTIOUS, Answers, Comparison, match_paired, match_unpaired, side_of
from pipeline.compare.subjects import blind_test, made_of_other_data, same_pictures
from pipeline.data.dataset import Samples
from pipeline.data.labelled import labelled_folder
from pipeline.data.source import Report
from pipeline.evaluation import Logits, measure_latency, run_in
from pipeline.try_out import Opened, open_verified

_ROUNDS = 3
_SECONDS = 0.3  # of one artefact in one round


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """An artefact with the pictures that it was judged on, and what it answered."""

    opened: Opened
    samples: Samples
    answers: Answers


def compare_artefacts(first: Path, second: Path, data: Path | None, runtime: str | None, report: Report) -> Comparison:
    """Run both artefacts, each in `runtime` or its fastest, and compare their answers.

    They run on the labelled folder `data`, or on the blind test of the run that each stands in.
    Raises BadArtifact where one was changed, cannot be compared with the other, or stands in no run; BadData where the
    folder does not fit; ProofFailed where one does not match its golden vectors.
    """
    one, other = open_verified(first, runtime), open_verified(second, runtime)
    _require_same_labels(one, other)
    if data is not None:
        before, after = _on_folder(one, data, report), _on_folder(other, data, report)
        same, where = True, str(data)
    else:
        before, after = _on_blind_test(one, report), _on_blind_test(other, report)
        same, where = same_pictures(before.samples, after.samples), "the blind test"
    after = _in_order_of(before, after)
    times = _latencies(before, after, report)
    first_side, second_side = (
        side_of(
            f"{each.opened.file.name} in {each.opened.runtime}",
            each.opened.contract.precision,
            each.answers,
            size_of_model(each.opened.file),
            latency,
        )
        for each, latency in zip((before, after), times, strict=True)
    )
    name = one.contract.target if one.contract.target == other.contract.target else "the artefacts"
    if same:
        match = match_paired(name, first_side, second_side, before.answers, after.answers)
        note = f"Both answered the same {first_side.samples:,} pictures of {where}. {CAUTIOUS}"
    else:
        match = match_unpaired(name, first_side, second_side)
        note = (
            "Their runs have different blind tests: each was judged on its own, so a small difference does not show; "
            "give --data FOLDER to judge both on the same pictures."
        )
    return Comparison(
        kind="artefacts",
        first=str(first),
        second=str(second),
        matches=(match,),
        only_first=(),
        only_second=(),
        notes=(note,),
    )


def _require_same_labels(one: Opened, other: Opened) -> None:
    here, there = set(one.contract.output.labels), set(other.contract.output.labels)
    if here != there:
        strangers = ", ".join(sorted(here ^ there)[:5])
        raise BadArtifact(
            f"{one.folder} and {other.folder}: they know different labels ({strangers} are in one alone); compare "
            "artefacts of the same classes"
        )


def _on_folder(opened: Opened, data: Path, report: Report) -> _Judged:
    contract = opened.contract
    samples = labelled_folder(data, contract.input, contract.output.labels, report).samples
    words = f"{opened.folder.name}: {opened.file.name} in {opened.runtime}"
    logits = run_in(opened.runtime, opened.file, samples, report, words, contract.input.layout)
    return _judged(opened, samples, logits)


def _on_blind_test(opened: Opened, report: Report) -> _Judged:
    run = opened.folder.resolve().parent.parent
    found = blind_test(run)
    if found is None:
        raise BadArtifact(
            f"{opened.folder}: stands in no run that has its pictures; give --data FOLDER, with a folder for each class"
        )
    if made_of_other_data(run, [opened.folder]) is not None:
        raise BadArtifact(
            f"{run / 'data'}: made anew since {opened.folder} was, which may have been trained on the pictures of "
            "its blind test; run `edgewise export RECIPE` again, or give --data FOLDER"
        )
    dataset, samples = found
    contract = opened.contract
    if dataset.images.shape[1:] != contract.input.picture or dataset.classes != contract.output.labels:
        raise BadArtifact(f"{opened.folder}: its contract has other classes or another size than {run / 'data'}")
    known = KnownAnswers(run / "answers", keep_on_disk=False)
    return _judged(opened, samples, known.of(opened.runtime, opened.file, contract.input.layout, samples, report))


def _judged(opened: Opened, samples: Samples, logits: Logits) -> _Judged:
    answers = Answers(
        labels=logits.argmax(1), truth=samples.labels, names=samples.names, classes=opened.contract.output.labels
    )
    return _Judged(opened=opened, samples=samples, answers=answers)


def _in_order_of(before: _Judged, after: _Judged) -> _Judged:
    """`after` with its classes in the order of `before`."""
    classes = before.answers.classes
    place = np.array([classes.index(name) for name in after.answers.classes])
    answers = Answers(
        labels=place[after.answers.labels],
        truth=place[after.answers.truth].astype(np.int32),
        names=after.answers.names,
        classes=classes,
    )
    return _Judged(opened=after.opened, samples=after.samples, answers=answers)


def _latencies(before: _Judged, after: _Judged, report: Report) -> list[float | None]:
    """Milliseconds for one picture of each; they take turns, so that a busy machine slows both. None in a simulator."""
    taken: list[list[float]] = [[], []]
    for turn in range(_ROUNDS):
        report("timing single pictures", turn, _ROUNDS)
        for times, judged in zip(taken, (before, after), strict=True):
            if judged.opened.runtime not in SIMULATORS:
                pictures = judged.samples.pick(np.arange(min(64, len(judged.samples))))
                times.append(measure_latency(judged.opened.interpreter, pictures, _SECONDS).p50)
    return [median(times) if times else None for times in taken]

"""Two runs: what both proved, matched by target, file and runtime."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from edge.device.contract import artifacts_of, read_contract
from edge.device.errors import BadArtifact, Unavailable
from edge.device.files import sha256_of
from edge.device.manifest import read_manifest, verify_outputs
from pipeline.answers import Answers as KnownAnswers
from pipeline.compare.comparison import (
    CAUTIOUS,
    Answers,
    Comparison,
    Match,
    Side,
    match_paired,
    match_unpaired,
    side_of,
)
from pipeline.compare.subjects import RESULTS, blind_test, made_of_other_data, same_pictures
from pipeline.data.dataset import Dataset, Samples
from pipeline.data.source import Report
from pipeline.evaluation import Logits, float_logits
from pipeline.results import Proven, Row, first_fault
from pipeline.try_out import open_verified

_PROVEN = TypeAdapter(Proven)
_FLOAT = "float Keras"
_ANEW = "run `edgewise export RECIPE`, which keeps the artefacts that stand and writes it anew"


@dataclass(frozen=True, kw_only=True)
class _Run:
    """A finished run. `rows`: what it proved, by what it is called; `pictures`: its data with their blind test, None
    where that is not the one that it was proven on, and `lack` says why."""

    folder: Path
    proven: Proven
    rows: dict[str, Row]
    pictures: tuple[Dataset, Samples] | None
    lack: str


def compare_runs(first: Path, second: Path, report: Report) -> Comparison:
    """Compare what two runs proved; picture by picture where both have the same blind test.

    Raises BadArtifact where a run's results, data or artefacts are damaged, or its classes are not the other's.
    """
    one, other = _read(first), _read(second)
    _require_same_labels(one, other)
    paired, words = _same_blind_test(one, other)
    notes = [words, "Latencies are those of each run's own proof."]
    names = [_FLOAT, *(name for name in one.rows if name in other.rows)]
    matches = []
    for number, name in enumerate(names):
        report("comparing", number, len(names))
        try:
            match = _match_paired(name, one, other, report) if paired else _match_unpaired(name, one, other)
        except Unavailable as error:
            notes.append(f"{name}: not run here ({error}), compared by its figures alone.")
            match = _match_unpaired(name, one, other)
        matches.append(match)
    return Comparison(
        kind="runs",
        first=str(first),
        second=str(second),
        matches=tuple(matches),
        only_first=tuple(name for name in one.rows if name not in other.rows),
        only_second=tuple(name for name in other.rows if name not in one.rows),
        notes=tuple(notes),
    )


def _read(folder: Path) -> _Run:
    place = next(folder / each for each in RESULTS if (folder / each).exists())
    try:
        body = json.loads(place.read_text(encoding="utf-8"))
        proven = _PROVEN.validate_python(body.get("proven", body) if isinstance(body, dict) else body)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadArtifact(f"{place}: not readable as JSON ({error}); {_ANEW}") from None
    except ValidationError as error:
        raise BadArtifact(f"{place}: not the results of this version ({first_fault(error)}); {_ANEW}") from None
    rows = {f"{row.target}/{Path(row.file).name} in {row.runtime}": row for row in proven.artefacts if not row.refused}
    pictures, lack = _pictures(folder, rows.values())
    return _Run(folder=folder, proven=proven, rows=rows, pictures=pictures, lack=lack)


def _pictures(folder: Path, rows: Iterable[Row]) -> tuple[tuple[Dataset, Samples] | None, str]:
    """`_Run.pictures` and `_Run.lack`."""
    found = blind_test(folder)
    if found is None:
        return None, f"{folder} has no data"
    stages = (folder / "train", *((folder / row.file).parent for row in rows))
    older = made_of_other_data(folder, stages)
    if older is not None:
        return None, f"{folder / 'data'} was made anew since {older} was"
    return found, ""


def _require_same_labels(one: _Run, other: _Run) -> None:
    here, there = set(_labels(one)), set(_labels(other))
    if here and there and here != there:
        strangers = ", ".join(sorted(here ^ there)[:5])
        raise BadArtifact(
            f"{one.folder} and {other.folder}: they have different labels ({strangers} in one alone); compare runs of "
            "the same classes"
        )


def _labels(run: _Run) -> tuple[str, ...]:
    if run.pictures is not None:
        return run.pictures[0].classes
    return next((read_contract(folder).output.labels for folder in artifacts_of(run.folder)), ())


def _same_blind_test(one: _Run, other: _Run) -> tuple[bool, str]:
    """Whether both have the same blind test, and that in words."""
    alone = "each was judged on its own, so a small difference does not show (Newcombe's interval)."
    if one.pictures is None or other.pictures is None:
        return False, f"{one.lack or other.lack}: {alone}"
    (data, samples), (other_data, other_samples) = one.pictures, other.pictures
    if data.classes == other_data.classes and same_pictures(samples, other_samples):
        return True, f"Both have the same {len(samples):,} blind-test pictures: compared picture by picture. {CAUTIOUS}"
    return False, f"Their blind tests differ: {alone}"


def _match_paired(name: str, one: _Run, other: _Run, report: Report) -> Match:
    before, after = _answers(one, name, report), _answers(other, name, report)
    first, second = (
        side_of(side.subject, side.precision, answers, side.bytes, side.latency_ms)
        for side, answers in ((_side(one, name), before), (_side(other, name), after))
    )
    return match_paired(name, first, second, before, after)


def _match_unpaired(name: str, one: _Run, other: _Run) -> Match:
    return match_unpaired(name, _side(one, name), _side(other, name))


def _side(run: _Run, name: str) -> Side:
    """What the run's results say of `name`."""
    model = run.proven.float_model
    if name == _FLOAT:
        return Side(
            subject=name,
            precision="float32",
            top1=model.top1,
            top1_interval=model.top1_interval,
            samples=model.samples,
            bytes=None,
            latency_ms=None,
        )
    row = run.rows[name]
    return Side(
        subject=name,
        precision=row.precision,
        top1=row.top1,
        top1_interval=row.top1_interval,
        samples=model.samples,
        bytes=row.bytes,
        latency_ms=row.latency_ms.p50,
    )


def _answers(run: _Run, name: str, report: Report) -> Answers:
    """What `name` answers to the run's blind test.

    Raises BadArtifact, ProofFailed, Unavailable.
    """
    if run.pictures is None:
        raise BadArtifact(f"{run.folder / 'data'}: not there; train the recipe again")
    dataset, samples = run.pictures
    logits = _float_logits(run) if name == _FLOAT else _artefact_logits(run, run.rows[name], samples, report)
    if logits.shape != (expected := (len(samples), len(dataset.classes))):
        raise BadArtifact(
            f"{run.folder}: {name} answered {logits.shape} logits, expected {expected} of its blind test; run "
            "`edgewise train RECIPE` and `edgewise export RECIPE` again"
        )
    return Answers(labels=logits.argmax(1), truth=samples.labels, names=samples.names, classes=dataset.classes)


def _float_logits(run: _Run) -> Logits:
    trained = run.folder / "train"
    verify_outputs(trained, read_manifest(trained))
    return float_logits(trained).blind_test


def _artefact_logits(run: _Run, row: Row, samples: Samples, report: Report) -> Logits:
    file = run.folder / row.file
    opened = open_verified(file.parent, row.runtime, file.name)
    if sha256_of(file) != row.sha256:
        raise BadArtifact(f"{file}: not the file of the run's results; run `edgewise evaluate RECIPE`")
    known = KnownAnswers(run.folder / "answers", keep_on_disk=False)
    return known.of(row.runtime, file, opened.contract.input.layout, samples, report)

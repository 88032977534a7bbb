"""results.json of an export: every artefact's proof beside the float model's figures."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from edge.device.errors import BadArtifact, EdgewiseError
from edge.device.files import read_json
from pipeline.data.dataset import Split, load_dataset
from pipeline.evaluation import evaluate_logits, float_logits
from pipeline.ladder import NoRungHolds, Tried
from pipeline.recipe import Recipe

PLACE = Path("export") / "results.json"  # in a run folder

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Change = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
Milliseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Interval = tuple[Share, Share]


@dataclass(frozen=True, kw_only=True)
class FloatModel:
    """The trained float Keras model. `top1` with its 95 % Wilson interval is of `samples` blind-test pictures."""

    top1: Share
    top1_interval: Interval
    samples: Count
    validation_top1: Share
    parameters: Count


@dataclass(frozen=True, kw_only=True)
class LatencyMs:
    """Milliseconds, one picture, one thread, on this host; None in a simulator, whose speed says nothing."""

    p50: Milliseconds | None
    p99: Milliseconds | None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One file in one runtime over the blind test: `pipeline.proof.Proof` with what its artefact says of itself.

    `file` is relative to the run folder; `figures` were measured by the target's tools; `tried` are the rungs of the
    ladder up to the one taken; `fastest` of the target's proven runtimes.
    """

    target: str
    file: str
    board: str | None
    precision: str
    runtime: str
    top1: Share
    top1_interval: Interval
    drop: Change
    drop_bound: Change
    doubt: str
    agreement: Share
    difference: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None
    bytes: Count
    latency_ms: LatencyMs
    fastest: bool
    refused: str
    figures: dict[str, float]
    tried: tuple[Tried, ...]
    sha256: str


@dataclass(frozen=True, kw_only=True)
class RefusedTarget:
    """A target without an artefact: why, in sentences, and the rungs that were tried."""

    target: str
    reasons: tuple[str, ...]
    tried: tuple[Tried, ...]


@dataclass(frozen=True, kw_only=True)
class Proven:
    """What an export proved. `budget`: the largest loss of top-1 that the recipe allows, a share."""

    recipe: str
    float_model: FloatModel
    budget: Share
    artefacts: tuple[Row, ...]
    refused: tuple[RefusedTarget, ...] = ()

    @property
    def references(self) -> tuple[Row, ...]:
        """The first row of each target: its reference file in the reference runtime."""
        first: dict[str, Row] = {}
        for row in self.artefacts:
            first.setdefault(row.target, row)
        return tuple(first.values())


def read_proofs(run: Path, targets: Iterable[str]) -> dict[str, Any]:
    """The proof.json of the artefacts of `targets` in run/export."""
    return {target: read_json(run / "export" / target / "proof.json") for target in targets}


def collect(recipe: Recipe, run: Path, proofs: dict[str, Any], refused: Iterable[RefusedTarget] = ()) -> Proven:
    """The float model's figures, and one row for each file and runtime of `proofs` (proof.json's content by target);
    `refused` are the targets that have none."""
    dataset = load_dataset(run / "data")
    logits = float_logits(run / "train")
    blind = evaluate_logits(logits.blind_test, dataset.part(Split.BLIND_TEST).labels)
    validation = evaluate_logits(logits.validation, dataset.part(Split.VALIDATION).labels)
    return Proven(
        recipe=recipe.name,
        float_model=FloatModel(
            top1=blind.top1,
            top1_interval=blind.interval,
            samples=blind.count,
            validation_top1=validation.top1,
            parameters=read_json(run / "train" / "summary.json")["parameters"],
        ),
        budget=recipe.quantize.budget,
        artefacts=tuple(row for target, proof in proofs.items() for row in _rows(target, proof)),
        refused=tuple(refused),
    )


def refusal(target: str, failure: EdgewiseError) -> RefusedTarget:
    """What an export that ended with `failure` leaves to say of its target."""
    return RefusedTarget(
        target=target,
        reasons=tuple(str(failure).splitlines()),
        tried=tuple(failure.tried) if isinstance(failure, NoRungHolds) else (),
    )


def refused_before(run: Path, proven: Collection[str]) -> tuple[RefusedTarget, ...]:
    """The targets that the last export of `run` refused, but those that have an artefact since.

    Raises BadArtifact where its results.json cannot be read.
    """
    place = run / PLACE
    if not place.exists():
        return ()
    try:
        before = _PROVEN.validate_json(place.read_bytes())
    except ValidationError as error:
        raise BadArtifact(
            f"{place}: not what this version writes ({first_fault(error)}); delete that file and run `edgewise export "
            "RECIPE` again"
        ) from None
    return tuple(each for each in before.refused if each.target not in proven)


def first_fault(error: ValidationError) -> str:
    """Where the first thing that is wrong stands, and what is: "float_model.top1: Input should be ..."."""
    detail = error.errors()[0]
    return f"{'.'.join(map(str, detail['loc'])) or 'the whole'}: {detail['msg']}"


def as_json(proven: Proven) -> dict[str, Any]:
    """`proven` as plain JSON values."""
    return _PROVEN.dump_python(proven, mode="json")  # type: ignore[no-any-return]


_PROVEN = TypeAdapter(Proven)
_TRIED = TypeAdapter(tuple[Tried, ...])


def _rows(target: str, proof: dict[str, Any]) -> list[Row]:
    timed = [entry for entry in proof["proofs"] if not entry["refused"] and entry["latency_p50"] is not None]
    fastest = min(timed, key=lambda entry: entry["latency_p50"], default=None)
    return [
        Row(
            target=target,
            file=f"export/{target}/{entry['file']}",
            board=proof["board"],
            precision=proof["precision"],
            runtime=entry["runtime"],
            top1=entry["top1"],
            top1_interval=tuple(entry["top1_interval"]),
            drop=entry["drop"],
            drop_bound=entry["drop_bound"],
            doubt=entry["doubt"],
            agreement=entry["agreement"],
            difference=entry["difference"],
            bytes=entry["bytes"],
            latency_ms=LatencyMs(p50=entry["latency_p50"], p99=entry["latency_p99"]),
            fastest=entry is fastest,
            refused=entry["refused"],
            figures=proof["figures"],
            tried=_TRIED.validate_python(proof["tried"]),
            sha256=entry["sha256"],
        )
        for entry in proof["proofs"]
    ]

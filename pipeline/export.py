"""The export stage: for one target, walk its ladder on validation, then prove what was taken on the blind test."""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import Contract, Input, ModelFile, Output, read_contract, write_contract
from edge.device.errors import ConversionFailed, ProofFailed
from edge.device.files import read_json, write_json
from edge.device.golden import Golden, check_golden, read_golden, write_golden
from edge.device.runtimes import open_runtime
from edge.target import Artifact, Precision
from edge.targets import TARGETS
from edge.tflite import read_graph
from pipeline.data.dataset import Dataset, Samples, Split
from pipeline.evaluation import Logits, evaluate_logits, measure_latency, run_in
from pipeline.forms import input_quantization
from pipeline.isolate import Child
from pipeline.ladder import Tried, plan
from pipeline.proof import Proof, prove
from pipeline.recipe import Limits, Recipe, TargetName

Report = Callable[[str, int, int], None]
FormOf = Callable[[Precision], Path]

GOLDEN_VECTORS = 16


@dataclass(frozen=True, kw_only=True)
class FloatLogits:
    """What the float Keras model answered, float32 [n, classes]."""

    validation: Logits
    blind_test: Logits


@dataclass(frozen=True, kw_only=True)
class Export:
    """What one target's export works on. `form_of` gives the TFLite file of a precision, making it where needed."""

    recipe: Recipe
    target: TargetName
    dataset: Dataset
    float_logits: FloatLogits
    form_of: FormOf
    child: Child
    report: Report


def export(job: Export, folder: Path) -> None:
    """Fill `folder` with the target's proven artefact: model files, contract.json, golden.npz, proof.json.

    Raises ProofFailed where no rung holds the budget, or the one taken fails on the blind test.
    """
    tried: list[Tried] = []
    artifact = climb(job, folder, tried)
    precision = tried[-1].precision
    blind = job.dataset.part(Split.BLIND_TEST)
    budget = job.recipe.quantize.budget
    proofs = prove(
        folder,
        artifact.files,
        artifact.layout,
        blind,
        job.float_logits.blind_test,
        budget,
        artifact.must_equal,
        job.report,
        job.target,
    )
    write_json(
        folder / "proof.json",
        {
            "precision": precision,
            "must_equal": sorted(artifact.must_equal),
            "tried": [asdict(rung) for rung in tried],
            "proofs": [asdict(proof) for proof in proofs],
        },
    )
    _require_proven(artifact, precision, proofs)
    proven = _proven_files(artifact.files, proofs)
    fastest = min((proof for proof in proofs if not proof.refused), key=lambda proof: proof.latency_p50).runtime
    contract = _contract(job, artifact, precision, proven, fastest)
    write_golden(folder, _golden(job.dataset.part(Split.VALIDATION), folder, artifact, contract))
    write_contract(folder, contract)


def climb(job: Export, folder: Path, tried: list[Tried]) -> Artifact:
    """Try the target's rungs in order and convert into `folder` with the first that holds; all are noted in `tried`.

    Raises ProofFailed, one sentence for each rung, where none does.
    """
    for precision in plan(TARGETS[job.target].RUNGS, job.recipe.quantize.aware):
        attempt = folder / f".{precision}"
        attempt.mkdir()
        try:
            artifact, rung = _try(job, precision, attempt)
        except ConversionFailed as error:
            artifact, rung = None, Tried(precision=precision, accepted=False, reason=str(error))
        tried.append(rung)
        if artifact is not None and rung.accepted:
            for file in attempt.iterdir():
                file.rename(folder / file.name)
            attempt.rmdir()
            return replace(artifact, folder=folder)
        shutil.rmtree(attempt)
    rungs = "\n".join(f"{job.target}: {rung.precision}: {rung.reason}" for rung in tried)
    raise ProofFailed(
        f"{rungs}\n{job.target}: no rung holds; train longer, set quantize.aware = true, or raise quantize.budget"
    )


def _try(job: Export, precision: Precision, folder: Path) -> tuple[Artifact | None, Tried]:
    form = job.form_of(precision)
    target = TARGETS[job.target]
    refusals = [str(finding) for finding in target.check(form, None) if finding.severity == "refused"]
    if refusals:
        return None, Tried(precision=precision, accepted=False, reason="; ".join(refusals))
    job.report(f"{job.target}: converting to {precision}", 0, 1)
    artifact = job.child.call(target.convert, form, None, folder)
    validation = job.dataset.part(Split.VALIDATION)
    first = artifact.files[0]
    words = f"{job.target}: {precision} on validation"
    logits = run_in(first.runtimes[0], folder / first.file, validation, job.report, words, artifact.layout)
    top1 = evaluate_logits(logits, validation.labels).top1
    drop = evaluate_logits(job.float_logits.validation, validation.labels).top1 - top1
    rung = Tried(
        precision=precision,
        accepted=True,
        reason=f"holds: loses {100 * drop:.2f} of {100 * job.recipe.quantize.budget:.2f} points on validation",
        validation_top1=top1,
        drop=drop,
        bytes=sum((folder / model.file).stat().st_size for model in artifact.files[:1]),
    )
    refusal = _refusal(job, artifact, rung, validation)
    return artifact, replace(rung, accepted=False, reason=refusal) if refusal else rung


def _refusal(job: Export, artifact: Artifact, rung: Tried, validation: Samples) -> str:
    """Why a rung that ran is not taken, in words; empty where it is."""
    limits = job.recipe.export.limits.get(job.target, Limits())
    budget = job.recipe.quantize.budget
    if rung.drop is not None and rung.drop > budget + 1e-9:
        return f"loses {100 * rung.drop:.2f} points on validation, {100 * budget:.2f} are allowed"
    if limits.bytes is not None and rung.bytes is not None and rung.bytes > limits.bytes:
        return f"takes {rung.bytes:,} bytes, {limits.bytes:,} are allowed"
    if limits.latency_ms is not None:
        pictures = validation.pick(np.arange(min(64, len(validation))))
        fastest = min(
            measure_latency(open_runtime(name, artifact.folder / model.file, layout=artifact.layout), pictures).p50
            for model in artifact.files
            for name in model.runtimes
        )
        if fastest > limits.latency_ms:
            return f"takes {fastest:.2f} ms for a picture on this host, {limits.latency_ms:g} are allowed"
    return ""


def prove_again(
    folder: Path, dataset: Dataset, float_logits: FloatLogits, budget: float, report: Report
) -> dict[str, Any]:
    """A fresh proof.json of the finished artefact in `folder`, on this machine, golden vectors included.

    Raises ProofFailed where it no longer answers as it was proven to.
    """
    contract, golden, before = read_contract(folder), read_golden(folder), read_json(folder / "proof.json")
    layout = contract.input.layout
    for model in contract.files:
        for runtime in model.runtimes:
            check_golden(
                golden, open_runtime(runtime, folder / model.file, layout=layout).run, f"{contract.target}: {runtime}"
            )
    blind = dataset.part(Split.BLIND_TEST)
    must_equal = frozenset(before["must_equal"])
    proofs = prove(
        folder, contract.files, layout, blind, float_logits.blind_test, budget, must_equal, report, contract.target
    )
    failed = [
        f"{contract.target}: {proof.file} in {proof.runtime}: {proof.refused}" for proof in proofs if proof.refused
    ]
    if failed:
        raise ProofFailed("\n".join(failed))
    return {**before, "proofs": [asdict(proof) for proof in proofs]}


def _require_proven(artifact: Artifact, precision: Precision, proofs: list[Proof]) -> None:
    """The reference, and every file that must equal it, have to be proven; others may drop out of the contract."""
    reference = (artifact.files[0].file, artifact.files[0].runtimes[0])
    failed = [
        proof
        for proof in proofs
        if proof.refused and ((proof.file, proof.runtime) == reference or proof.file in artifact.must_equal)
    ]
    if failed:
        raise ProofFailed(
            "\n".join(f"{artifact.target}: {precision} {p.file} in {p.runtime}: {p.refused}" for p in failed)
        )


def _proven_files(files: tuple[ModelFile, ...], proofs: list[Proof]) -> tuple[ModelFile, ...]:
    proven = {(proof.file, proof.runtime) for proof in proofs if not proof.refused}
    kept = (
        replace(model, runtimes=tuple(name for name in model.runtimes if (model.file, name) in proven))
        for model in files
    )
    return tuple(model for model in kept if model.runtimes)


def _contract(
    job: Export, artifact: Artifact, precision: Precision, files: tuple[ModelFile, ...], fastest: str
) -> Contract:
    scale, zero_point = input_quantization(job.recipe.model)
    height, width, channels = job.dataset.images.shape[1:]
    shape = (1, height, width, channels) if artifact.layout == "NHWC" else (1, channels, height, width)
    result = read_graph(job.form_of(precision)).output
    # An ONNX file made for an accelerator ends in float whatever its inside is.
    integer = bool(result.scales) and artifact.files[0].file.endswith(".tflite")
    return Contract(
        name=job.recipe.name,
        target=job.target,
        precision=precision,
        input=Input(
            shape=shape,
            layout=artifact.layout,
            colour=job.recipe.data.colour,
            resize=job.recipe.data.resize,
            scale=scale,
            zero_point=zero_point,
        ),
        output=Output(
            dtype=result.dtype.lower() if integer else "float32",
            shape=(1, len(job.dataset.classes)),
            scale=result.scales[0] if integer else 1.0,
            zero_point=result.zero_points[0] if integer else 0,
            labels=job.dataset.classes,
        ),
        files=files,
        fastest=fastest,
    )


def _golden(validation: Samples, folder: Path, artifact: Artifact, contract: Contract) -> Golden:
    """Golden vectors from validation, each label in turn, with the tolerance that the proven runtimes need."""
    inputs = validation.pick(golden_positions(validation.labels))
    answers = [
        open_runtime(runtime, folder / model.file, layout=artifact.layout).run(inputs)
        for model in contract.files
        for runtime in model.runtimes
    ]
    spread = max(float(np.abs(answer - answers[0]).max()) for answer in answers)
    # Another processor may round once more: one code of an integer output, a thousandth of a float one's range.
    step = contract.output.scale if contract.output.dtype != "float32" else float(np.abs(answers[0]).max()) / 1000
    return Golden(inputs=inputs, outputs=answers[0], tolerance=spread + step)


def golden_positions(labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """Positions of up to 16 samples, the first of each label, then the second of each, and so on."""
    turn = np.array([np.count_nonzero(labels[:at] == label) for at, label in enumerate(labels[:4096])])
    return np.argsort(turn, kind="stable")[:GOLDEN_VECTORS]

"""The export stage: for one target, walk its ladder on validation, then prove what was taken on the blind test."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from edge.device.contract import Contract, Input, ModelFile, Output, read_contract, write_contract
from edge.device.errors import ProofFailed
from edge.device.files import read_json, write_json
from edge.device.golden import Golden, check_golden, read_golden, write_golden
from edge.target import Artifact, Precision
from edge.targets import WITH_LABELS
from edge.tflite import read_graph
from pipeline.answers import Answers
from pipeline.data.balance import balanced_positions
from pipeline.data.dataset import Dataset, Samples, Split
from pipeline.data.source import Report
from pipeline.evaluation import FloatLogits, open_quietly
from pipeline.forms import input_quantization
from pipeline.ladder import Export, climb, validation_logits
from pipeline.proof import Proof, Subject, prove
from pipeline.recipe import BudgetTest
from pipeline.temperature import Fitted, fit_temperature, why

GOLDEN_VECTORS = 16


def export(job: Export, folder: Path) -> None:
    """Fill `folder` with the target's proven artefact: model files, contract.json, golden.npz, proof.json.

    Raises ProofFailed where no rung holds the budget, or the one taken fails on the blind test.
    """
    artifact, tried = climb(job, folder)
    precision = tried[-1].precision
    temperature, findings = _temperature(job, precision, artifact)
    tried[-1] = replace(tried[-1], findings=(*tried[-1].findings, *findings))
    subject = Subject(
        target=job.target,
        folder=folder,
        files=artifact.files,
        layout=artifact.layout,
        must_equal=artifact.must_equal,
        budget=job.recipe.budget(job.target),
        budget_test=job.recipe.quantize.budget_test,
        blind=job.dataset.part(Split.BLIND_TEST),
        float_logits=job.float_logits.blind_test,
        answers=job.answers,
    )
    proofs = prove(subject, job.report)
    write_json(
        folder / "proof.json",
        {
            "precision": precision,
            "board": job.board.name if job.board else None,
            "figures": dict(artifact.figures),
            "must_equal": sorted(artifact.must_equal),
            "tried": [asdict(rung) for rung in tried],
            "proofs": [asdict(proof) for proof in proofs],
        },
    )
    _require_proven(artifact, precision, proofs)
    proven = _proven_files(artifact.files, proofs)
    fastest = _fastest(proofs)
    contract = _contract(job, artifact, precision, proven, fastest, temperature)
    write_golden(folder, _golden(job.dataset.part(Split.VALIDATION), folder, artifact, contract))
    if job.target in WITH_LABELS:
        WITH_LABELS[job.target](folder, contract.output.labels)
    write_contract(folder, contract)


def prove_again(
    folder: Path,
    dataset: Dataset,
    float_logits: FloatLogits,
    budget: float,
    budget_test: BudgetTest,
    answers: Answers,
    report: Report,
) -> dict[str, Any]:
    """A fresh proof.json of the finished artefact in `folder`, on this machine, golden vectors included.

    Raises ProofFailed where it no longer answers as it was proven to.
    """
    contract, golden, before = read_contract(folder), read_golden(folder), read_json(folder / "proof.json")
    layout = contract.input.layout
    for model in contract.files:
        for runtime in model.runtimes:
            check_golden(
                golden, open_quietly(runtime, folder / model.file, layout).run, f"{contract.target}: {runtime}"
            )
    subject = Subject(
        target=contract.target,
        folder=folder,
        files=contract.files,
        layout=layout,
        must_equal=frozenset(before["must_equal"]),
        budget=budget,
        budget_test=budget_test,
        blind=dataset.part(Split.BLIND_TEST),
        float_logits=float_logits.blind_test,
        answers=answers,
    )
    proofs = prove(subject, report)
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


def _fastest(proofs: list[Proof]) -> str:
    """The proven runtime that answers soonest on this host; the reference where only simulators run the artefact."""
    proven = [proof for proof in proofs if not proof.refused]
    return min(proven, key=lambda proof: np.inf if proof.latency_p50 is None else proof.latency_p50).runtime


def _proven_files(files: tuple[ModelFile, ...], proofs: list[Proof]) -> tuple[ModelFile, ...]:
    """The files with the runtimes that proved them; one that no runtime of the host executes stays as it is."""
    proven = {(proof.file, proof.runtime) for proof in proofs if not proof.refused}
    kept = []
    for model in files:
        runtimes = tuple(name for name in model.runtimes if (model.file, name) in proven)
        if runtimes or not model.runtimes:
            kept.append(replace(model, runtimes=runtimes))
    return tuple(kept)


def _contract(
    job: Export,
    artifact: Artifact,
    precision: Precision,
    files: tuple[ModelFile, ...],
    fastest: str,
    temperature: float,
) -> Contract:
    scale, zero_point = input_quantization(job.recipe.model)
    height, width, channels = job.dataset.images.shape[1:]
    shape = (1, height, width, channels) if artifact.layout == "NHWC" else (1, channels, height, width)
    first = artifact.folder / artifact.files[0].file
    # Every other kind of file ends in float whatever its inside is.
    result = read_graph(first).output if first.suffix == ".tflite" else None
    return Contract(
        name=job.recipe.name,
        version=job.recipe.version,
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
            dtype=result.dtype.lower() if result else "float32",
            shape=(1, len(job.dataset.classes)),
            scale=result.scales[0] if result and result.scales else 1.0,
            zero_point=result.zero_points[0] if result and result.scales else 0,
            labels=job.dataset.classes,
            temperature=temperature,
        ),
        files=files,
        fastest=fastest,
    )


def _temperature(job: Export, precision: Precision, artifact: Artifact) -> tuple[float, tuple[str, ...]]:
    """What the recipe wants logits divided by, and a finding where it asks for it and validation does not tell."""
    if not job.recipe.export.temperature_scaling:
        return 1.0, ()
    labels = job.dataset.part(Split.VALIDATION).labels
    fitted = fit_temperature(validation_logits(job, precision, artifact), labels)
    if isinstance(fitted, Fitted):
        return fitted.temperature, ()
    reason = why(fitted, len(labels))
    return 1.0, (f"warning: export.temperature_scaling: asked for, not fitted: {reason}; scores stay as they are",)


def _golden(validation: Samples, folder: Path, artifact: Artifact, contract: Contract) -> Golden:
    """Golden vectors from validation, each label in turn, with the tolerance that the proven runtimes need."""
    inputs = validation.pick(balanced_positions(validation.labels, GOLDEN_VECTORS, seed=0))
    answers = [
        open_quietly(runtime, folder / model.file, artifact.layout).run(inputs)
        for model in contract.files
        for runtime in model.runtimes
    ]
    spread = max(float(np.abs(answer - answers[0]).max()) for answer in answers)
    # Another processor may round once more: one code of an integer output, a thousandth of a float one's range.
    step = contract.output.scale if contract.output.dtype != "float32" else float(np.abs(answers[0]).max()) / 1000
    return Golden(inputs=inputs, outputs=answers[0], tolerance=spread + step)

"""Are the files those that were proven, and do they still answer as they must?"""

from edge.device.errors import BadArtifact, ProofFailed
from edge.device.files import sha256_of
from edge.device.golden import check_golden, read_golden
from edge.device.manifest import read_manifest, verify_outputs
from pipeline.evaluation import open_quietly
from pipeline.report.inspection import Artefact, Inspection
from pipeline.report.integrity.facts import Check


def check_hashes(inspection: Inspection) -> Check:
    """Every file of every artefact against its manifest, and the model files against the contract."""
    name, wrong = "Hashes of the files", []
    for artefact in inspection.artefacts:
        try:
            verify_outputs(artefact.folder, read_manifest(artefact.folder))
        except BadArtifact as error:
            wrong.append(str(error))
        wrong += _changed(artefact)
    if wrong:
        words = f"A file is not the one that was proven: {'; '.join(wrong)}. Export again."
        return Check(name=name, passed=False, words=words, named=tuple(wrong))
    words = "Every file of every artefact has the hash of its manifest and of its contract."
    return Check(name=name, passed=True, words=words)


def check_golden_vectors(inspection: Inspection) -> Check:
    """Every file in every runtime against its artefact's golden vectors, within their tolerance."""
    name, wrong, made = "Golden vectors", [], 0
    for artefact in inspection.artefacts:
        golden = read_golden(artefact.folder)
        for subject in artefact.subjects:
            inspection.report(f"golden vectors: {subject.name}", 0, 1)
            try:
                check_golden(golden, open_quietly(subject.runtime, subject.file, subject.layout).run, subject.name)
            except (ProofFailed, BadArtifact) as error:
                wrong.append(str(error))
            made += 1
    if wrong:
        words = (
            f"A runtime does not answer as it did when it was proven: {'; '.join(wrong)}. Export again on this machine."
        )
        return Check(name=name, passed=False, words=words, named=tuple(wrong))
    return Check(name=name, passed=True, words=f"Files in runtimes that answer them within the tolerance: all {made}.")


def _changed(artefact: Artefact) -> list[str]:
    found = []
    for model in artefact.contract.files:
        path = artefact.folder / model.file
        if not path.exists():
            found.append(f"{artefact.target}/{model.file}: not there, though the contract lists it")
        elif sha256_of(path) != model.sha256:
            found.append(f"{artefact.target}/{model.file}: its SHA-256 is not that of its contract")
    return found

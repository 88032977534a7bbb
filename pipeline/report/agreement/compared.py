"""Everyone asked, and everyone compared with everyone."""

from dataclasses import replace

import numpy as np

from pipeline.report.agreement.answering import Answering, answering, group, pairs_of
from pipeline.report.agreement.devices import read_devices
from pipeline.report.agreement.endpoint import measure_endpoint
from pipeline.report.agreement.facts import Answerer, Facts, Group
from pipeline.report.agreement.flips import against_reference, flipping_pictures, shown_flips
from pipeline.report.inspection import Inspection, Subject

FLOAT = "float Keras"


def measure(inspection: Inspection) -> Facts:
    """Ask every file in every runtime, the live endpoint and the devices' files for the labels of the blind test."""
    blind, classes = inspection.blind, inspection.dataset.classes
    endpoint, told = measure_endpoint(inspection)
    devices = read_devices(inspection)
    everyone = [
        answering(FLOAT, "float", inspection.float_logits.blind_test),
        *(_asked(inspection, subject) for subject in inspection.subjects),
        *([told] if told else []),
        *devices.answerings,
    ]
    members = group(everyone)
    home = {position: number for number, positions in enumerate(members) for position in positions}
    groups = [everyone[positions[0]] for positions in members]
    first = inspection.artefacts[0]
    reference, step = home[1], first.contract.output.scale if first.contract.output.dtype != "float32" else None
    return Facts(
        pictures=len(blind),
        reference=reference,
        reference_runtime=first.subjects[0].runtime,
        step=step,
        answerers=tuple(_answerer(each, home[at], inspection) for at, each in enumerate(everyone)),
        groups=tuple(
            Group(letter=_letter(number), names=tuple(everyone[at].name for at in positions))
            for number, positions in enumerate(members)
        ),
        pairs=tuple(pairs_of(groups)),
        against=against_reference(groups, reference, blind.labels, step),
        flipping=len(flipping_pictures(groups, reference)),
        flips=shown_flips(groups, reference, blind, classes),
        endpoint=endpoint,
        devices=devices.devices,
        strangers=devices.strangers,
    )


def _asked(inspection: Inspection, subject: Subject) -> Answering:
    also = tuple(
        other.name
        for artefact in inspection.artefacts
        for other in artefact.subjects
        if (other.sha256, other.runtime) == (subject.sha256, subject.runtime) and other != subject
    )
    return replace(answering(subject.name, "runtime", inspection.logits(subject)), also=also)


def _answerer(each: Answering, group: int, inspection: Inspection) -> Answerer:
    answered = each.answered
    right = each.labels[answered] == inspection.blind.labels[answered]
    return Answerer(
        name=each.name,
        kind=each.kind,
        also=each.also,
        group=group,
        pictures=int(answered.sum()),
        top1=float(np.mean(right)) if len(right) else None,
    )


def _letter(number: int) -> str:
    head = _letter(number // 26 - 1) if number >= 26 else ""
    return head + chr(ord("A") + number % 26)

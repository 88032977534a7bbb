"""Labelled pictures of one's own, for judging an artefact: `edgewise evaluate ARTEFACT --data FOLDER`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.device.contract import Input
from edge.device.errors import BadData
from pipeline.data.archive import unpacked
from pipeline.data.checks import check_unreadable
from pipeline.data.dataset import Samples, Split
from pipeline.data.decode import decode_into
from pipeline.data.folders import LAYOUT, Tree, find_parts
from pipeline.data.source import Report, silent
from pipeline.data.sources.images import source_of


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """`samples`: labels are indices into the model's labels. `missing`: labels of the model without a picture here.

    `part`: "blind_test" where the folder had a test part, of which alone the samples are; None where it had no parts.
    """

    samples: Samples
    missing: tuple[str, ...]
    part: str | None


def labelled_folder(path: Path, contract: Input, labels: tuple[str, ...], report: Report = silent) -> Labelled:
    """Read the pictures of a folder, or an archive, with one folder for each class, as `contract` wants them.

    Where it has train and test parts, only test is read: a model is not judged on what it was trained on. All pictures
    are held in memory.
    Raises BadData where it is missing, holds no pictures or an unreadable one, has parts but no test, or has a class
    folder that is not among `labels`.
    """
    if not path.exists():
        raise BadData(f"{path}: not there; expected a folder, or an archive of it; {LAYOUT}")
    root = path if path.is_dir() else unpacked(path, report)
    tree = _judged(find_parts(root), path)
    height, width, channels = contract.picture
    source = source_of(tree, height, width, contract.colour, contract.resize)
    unknown = [name for name in source.classes if name not in labels]
    if unknown:
        raise BadData(
            f"{path}: class folders {', '.join(unknown)} are no labels of the model, which knows {', '.join(labels)}; "
            "rename or remove them"
        )
    if not len(source):
        raise BadData(f"{path}: no pictures found; {LAYOUT}")
    images = np.zeros((len(source), height, width, channels), np.uint8)
    decoded = decode_into(images, source, report)
    check_unreadable({source.names[at]: reason for at, reason in decoded.unreadable.items()}, "remove them")
    label_of = np.array([labels.index(name) for name in source.classes], np.int32)
    found = label_of[source.labels]
    return Labelled(
        samples=Samples(images=images, labels=found, index=np.arange(len(source)), names=source.names),
        missing=tuple(name for label, name in enumerate(labels) if label not in found),
        part=None if None in tree.parts else Split.BLIND_TEST.name.lower(),
    )


def _judged(tree: Tree, path: Path) -> Tree:
    if None in tree.parts:
        return tree
    if Split.BLIND_TEST not in tree.parts:
        found = ", ".join(f"{folder.name}/" for folder in tree.parts.values())
        raise BadData(f"{path}: holds {found} and no test/; name the part to judge on, e.g. {path}/val")
    return Tree(root=tree.root, parts={Split.BLIND_TEST: tree.parts[Split.BLIND_TEST]}, notes=tree.notes)

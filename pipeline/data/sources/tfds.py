"""Data sets of the TensorFlow Datasets catalogue, by name."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import BadData, Unavailable
from edge.device.image import decode, fit
from pipeline.data.dataset import Split
from pipeline.data.source import UNGIVEN, Report, Source
from pipeline.recipe import Data

_GIVEN = {"train": UNGIVEN, "validation": int(Split.VALIDATION), "test": int(Split.BLIND_TEST)}


def fingerprint(settings: Data) -> dict[str, str]:
    """The name, with the version where the recipe pins one ("cats_vs_dogs:4.0.1")."""
    return {"tfds": str(settings.dataset)}


def load(settings: Data, report: Report) -> Source:
    """Download data.dataset, checked by TFDS's own checksums, into TFDS's own folder, and list its pictures.

    The encoded pictures are held in memory and decoded by our own rules.
    Raises Unavailable where the package or the network is missing, BadData where the data set is not in the catalogue,
    has no image and label, or is not what its checksum says.
    """
    try:
        import tensorflow_datasets
    except ImportError:
        raise Unavailable(
            'data.source = "tfds": TensorFlow Datasets is not installed; run `pip install tensorflow-datasets`'
        ) from None
    try:
        builder = tensorflow_datasets.builder(settings.dataset)
    except tensorflow_datasets.core.registered.DatasetNotFoundError as error:
        reason = str(error).partition("\n")[0]
        raise BadData(f"data.dataset: {settings.dataset}: not in TensorFlow Datasets ({reason})") from None
    features = builder.info.features
    if features is None or not {"image", "label"} <= set(features):
        raise BadData(f"data.dataset: {settings.dataset}: expected the features image and label, for classification")
    try:
        builder.download_and_prepare()
    except OSError as error:  # no network, or no room
        raise Unavailable(
            f"data.dataset: {settings.dataset}: cannot be downloaded ({error}); run again with a network, or name "
            "pictures at hand with `--set data.root=FOLDER`"
        ) from None
    except tensorflow_datasets.core.download.download_manager.NonMatchingChecksumError as error:
        raise BadData(f"data.dataset: {settings.dataset}: not the file that TFDS expects ({error})") from None
    encoded, labels, names, given = _read(tensorflow_datasets, builder, report)
    size = settings.image_size

    def read(position: int) -> NDArray[np.uint8]:
        return fit(decode(encoded[position], settings.colour), size, size, settings.resize)

    return Source(
        names=tuple(names),
        labels=np.array(labels, np.int32),
        given=np.array(given, np.int8),
        classes=tuple(features["label"].names),
        read=read,
    )


def _read(tfds: Any, builder: Any, report: Report) -> tuple[list[bytes], list[int], list[str], list[int]]:
    encoded: list[bytes] = []
    labels: list[int] = []
    names: list[str] = []
    given: list[int] = []
    parts = [part for part in _GIVEN if part in builder.info.splits]
    total = sum(builder.info.splits[part].num_examples for part in parts)
    for part in parts:
        examples = builder.as_dataset(split=part, decoders={"image": tfds.decode.SkipDecoding()}, shuffle_files=False)
        for index, example in enumerate(examples.as_numpy_iterator()):
            encoded.append(example["image"])
            labels.append(int(example["label"]))
            names.append(f"{part}/{index:06d}")
            given.append(_GIVEN[part])
            report("list", len(names), total)
    return encoded, labels, names, given

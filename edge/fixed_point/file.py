"""A fixed-point network as a file: NumPy's npz with one JSON header, no pickle."""

import json
import zipfile
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.device.errors import BadModel
from edge.device.files import write_bytes
from edge.device.npz import DAMAGED_NPZ
from edge.fixed_point.formats import Format
from edge.fixed_point.network import (
    Add,
    AveragePool,
    Conv2D,
    Dense,
    Flatten,
    Front,
    Layer,
    MaxPool,
    Network,
    Node,
    Round,
)
from edge.fixed_point.spans import spans_of

FORMAT = 1
HEADER = "network"
_LAYERS: dict[str, type[Any]] = {
    each.__name__: each for each in (Dense, Conv2D, Round, MaxPool, AveragePool, Flatten, Add)
}
_ARRAYS = ("weights", "bias")
_UNREADABLE = (*DAMAGED_NPZ, TypeError)


def write_network(path: Path, network: Network) -> None:
    """Write `network` to `path`; the same network gives the same bytes."""
    arrays: dict[str, NDArray[Any]] = {}
    nodes = []
    for position, node in enumerate(network.nodes):
        fields = {key: value for key, value in vars(node.layer).items() if key not in _ARRAYS}
        if isinstance(node.layer, Round):
            fields = {"format": asdict(node.layer.format)}
        nodes.append({"layer": type(node.layer).__name__, "inputs": node.inputs, **fields})
        if isinstance(node.layer, Dense | Conv2D):
            arrays |= {f"{position}.{name}": getattr(node.layer, name).astype(np.int32) for name in _ARRAYS}
    front = asdict(network.front)
    header = {"format": FORMAT, "bits": network.bits, "shape": network.shape, "front": front, "nodes": nodes}
    arrays[HEADER] = np.array(json.dumps(header))
    content = BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    write_bytes(path, content.getvalue())


def read_network(path: Path) -> Network:
    """The network in the file `path`, its layers fitting each other.

    Raises BadModel where the file is missing, is no fixed-point network, or its layers do not fit.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            header = json.loads(str(archive[HEADER]))
            if header["format"] != FORMAT:
                raise BadModel(f"{path}: format {header['format']!r}, this version of Edgewise reads {FORMAT}")
            network = Network(
                bits=int(header["bits"]),
                shape=_three(header["shape"]),
                front=Front(**header["front"]),
                nodes=tuple(_node(position, each, archive) for position, each in enumerate(header["nodes"])),
            )
    except _UNREADABLE as error:
        raise BadModel(f"{path}: no fixed-point network ({_first_line(error)}); export it again") from None
    if not network.nodes or any(not -1 <= at < place for place, node in enumerate(network.nodes) for at in node.inputs):
        raise BadModel(f"{path}: its layers are not in order; export it again")
    spans_of(network)
    return network


def is_network(path: Path) -> bool:
    """Whether the file looks like one that `write_network` made."""
    try:
        with zipfile.ZipFile(path) as archive:
            return f"{HEADER}.npy" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def _node(position: int, entry: dict[str, Any], archive: Any) -> Node:
    kind = _LAYERS[entry.pop("layer")]
    inputs = tuple(int(at) for at in entry.pop("inputs"))
    if kind in (Dense, Conv2D):
        entry |= {name: archive[f"{position}.{name}"].astype(np.int64) for name in _ARRAYS}
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    layer: Layer = kind(**({"format": Format(**entry["format"])} if kind is Round else fields))
    return Node(layer=layer, inputs=inputs)


def _three(shape: list[int]) -> tuple[int, int, int]:
    height, width, channels = shape
    return int(height), int(width), int(channels)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

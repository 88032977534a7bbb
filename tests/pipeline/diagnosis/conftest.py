"""The finished run's int8 artefact, the float model beside it, and a way to break files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edge.device.contract import read_contract
from edge.tflite import read_graph
from pipeline.data.dataset import Split, load_dataset
from pipeline.diagnosis.layers import Layer
from pipeline.diagnosis.materials import write_float_file
from pipeline.diagnosis.tflite_layers import tflite_layers
from pipeline.isolate import Child

Halve = Callable[[Path, int, str], Layer]


@dataclass(frozen=True, kw_only=True)
class Material:
    """An artefact's folder, the float TFLite file, and some validation pictures."""

    folder: Path
    float_file: Path
    pictures: np.ndarray


@pytest.fixture(scope="session")
def material(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Material]:
    folder = finished_run / "export" / "cpu"
    with Child() as child:
        place = tmp_path_factory.mktemp("float")
        float_file = write_float_file(finished_run / "train", read_contract(folder).input, place, child)
    validation = load_dataset(finished_run / "data").part(Split.VALIDATION)
    yield Material(folder=folder, float_file=float_file, pictures=validation.pick(np.arange(24)))


@pytest.fixture(scope="session")
def halve() -> Halve:
    """Halve, in a TFLite file, the scale of a layer's "answer" or of its "weights"; returns the layer."""

    def halve(file: Path, number: int, part: str) -> Layer:
        graph, content = read_graph(file), file.read_bytes()
        layer = tflite_layers(graph)[number]
        operator = next(each for each in graph.operators if layer.tensor in each.outputs)
        model = schema.ModelT.InitFromPackedBuf(content, 0)
        tensor = model.subgraphs[0].tensors[layer.tensor if part == "answer" else operator.inputs[1]]
        tensor.quantization.scale = [scale / 2 for scale in tensor.quantization.scale]
        builder = flatbuffers.Builder(len(content))
        builder.Finish(model.Pack(builder), b"TFL3")
        file.write_bytes(bytes(builder.Output()))
        return layer

    return halve

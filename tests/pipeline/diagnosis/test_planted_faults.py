"""Faults planted in an artefact that was sealed again: the report names the layer."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from edge.device.contract import read_contract, write_contract
from edge.device.files import sha256_of
from edge.device.manifest import hash_outputs, read_manifest, write_manifest
from pipeline.data.source import silent
from pipeline.diagnosis.diagnosis import Diagnosis
from pipeline.diagnosis.onnx_layers import onnx_layers
from pipeline.isolate import Child
from pipeline.recipe import load_recipe
from pipeline.report import layers
from pipeline.report.stage import inspect

ROOT = Path(__file__).resolve().parents[3]


def _sealed(folder: Path) -> None:
    """Write the hashes anew, as one who edits an artefact would."""
    contract = read_contract(folder)
    files = tuple(replace(model, sha256=sha256_of(folder / model.file)) for model in contract.files)
    write_contract(folder, replace(contract, files=files))
    write_manifest(folder, replace(read_manifest(folder), outputs=hash_outputs(folder)))


@pytest.fixture
def run(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of the run whose artefacts may be broken."""
    copy = tmp_path / "run"
    for part in ("data", "train", "export"):
        shutil.copytree(finished_run / part, copy / part)
    return copy


@pytest.fixture(scope="module")
def child():
    with Child() as child:
        yield child


def _diagnosed(run: Path, settings: tuple[str, ...], child: Child, target: str) -> Diagnosis:
    """The section's diagnosis of the model of `target`, the only artefact that is looked at."""
    recipe = load_recipe(ROOT / "recipes" / "digits.toml", settings[1::2])
    inspection = inspect(recipe, run, {target: run / "export" / target}, child, silent)
    (model,) = layers.measure(inspection).models
    return model


@pytest.mark.parametrize(("number", "part"), [(0, "answer"), (2, "answer"), (3, "weights"), (6, "answer")])
def test_a_halved_scale_of_a_sealed_tflite_file_is_named(
    run: Path, quick_digits: tuple[str, ...], child: Child, halve, number: int, part: str
) -> None:
    folder = run / "export" / "cpu"
    layer = halve(folder / "model.tflite", number, part)
    _sealed(folder)
    model = _diagnosed(run, quick_digits, child, "cpu")
    first = model.advice[0]
    assert (first.kind, first.layers) == ("bad", (number,))
    assert f"layer {layer.number} {layer.kind}" in first.words
    assert model.layers[number].blamed


def test_a_halved_scale_of_the_onnx_twin_is_named_as_where_the_files_part(
    run: Path, quick_digits: tuple[str, ...], child: Child
) -> None:
    file = run / "export" / "cpu" / "model.fast.onnx"
    model = onnx.load(file)
    layer = onnx_layers(model)[2]
    reader = next(
        node for node in model.graph.node if node.op_type == "DequantizeLinear" and layer.tensor in node.input
    )
    scale = next(each for each in model.graph.initializer if each.name == reader.input[1])
    value = onnx.numpy_helper.to_array(scale)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(value / 2), "half"))
    reader.input[1] = "half"
    onnx.save(model, file)
    _sealed(file.parent)
    parted = _diagnosed(run, quick_digits, child, "cpu")
    faults = {each.name: each.fault.label if each.fault else None for each in parted.divergences}
    assert faults["cpu/model.tflite in litert"] is None
    assert faults["cpu/model.fast.onnx in onnxruntime"] == "3 convolution conv2d_2"  # the first to read it wrongly


def test_an_untouched_run_blames_no_layer(run: Path, quick_digits: tuple[str, ...], child: Child) -> None:
    for target in ("cpu", "jetson"):
        model = _diagnosed(run, quick_digits, child, target)
        assert not any(layer.blamed for layer in model.layers)
        assert model.alone == model.alone_in_float == ()
        assert model.faithful

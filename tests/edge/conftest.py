"""Networks trained for a few steps and converted once: what the runtimes and the targets are tested on. And a tiny
artefact with the bundles of it: what devices are tested on."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tf_keras as keras
from numpy.typing import NDArray

import models
from edge.bundle.making import plan, write_bundle
from edge.bundle.signing import make_key
from edge.device.contract import Contract, Input, ModelFile, Output, read_contract, write_contract
from edge.device.files import write_json
from edge.device.golden import Golden, write_golden
from edge.device.manifest import Manifest, hash_outputs, write_manifest
from edge.device.runtimes import open_runtime
from edge.fixed_point.formats import Format
from edge.fixed_point.network import Add, AveragePool, Conv2D, Dense, Flatten, Front, MaxPool, Network, Node, Round
from edge.target import Precision
from edge.targets.cpu import convert as convert_for_cpu
from edge.targets.jetson import convert as convert_for_jetson
from edge.tflite import parse_graph
from pipeline.quantization.aware import quantization_aware
from pipeline.quantization.bfloat16 import write_saved_model
from pipeline.quantization.convert import to_tflite
from pipeline.quantization.selective import selective_path

SHAPES = {"mlp": (8, 8, 3), "cnn": (28, 28, 1), "resnet8": (32, 32, 3), "mobilenet_v1": (32, 32, 3)}
WIDTHS = {"mobilenet_v1": 0.25}
LABELS = 10

TfliteOf = Callable[[str, Precision], Path]
SavedModelOf = Callable[[str], Path]
NetworkOf = Callable[[int], Network]
PicturesOf = Callable[[str, int], NDArray[np.uint8]]
MakeArtifact = Callable[..., Path]
MakeBundle = Callable[..., Path]

TINY_LABELS = ("cat", "dog", "owl")
TINY_SHAPE = (8, 8, 1)


@pytest.fixture(scope="session")
def pictures_of() -> PicturesOf:
    """Half blocks of grey and colour with noise, half bytes at random: uint8 [n, h, w, c]."""

    def pictures(name: str, count: int) -> NDArray[np.uint8]:
        random = np.random.default_rng(7)
        height, width, channels = SHAPES[name]
        blocks = random.integers(0, 256, (count // 2, 4, 4, channels)).repeat(height // 4, 1).repeat(width // 4, 2)
        structured = np.clip(blocks + random.normal(0, 12, blocks.shape), 0, 255).astype(np.uint8)
        return np.concatenate([structured, random.integers(0, 256, (count - count // 2, *SHAPES[name]), np.uint8)])

    return pictures


@pytest.fixture(scope="session")
def trained(pictures_of: PicturesOf) -> Callable[[str], keras.Model]:
    """A float network by name, trained for a few steps."""

    @cache
    def train(name: str) -> keras.Model:
        keras.utils.set_random_seed(0)
        core = models.build(name, SHAPES[name], LABELS, width=WIDTHS.get(name, 1.0))
        _teach(core, pictures_of(name, 256))
        return core

    return train


@pytest.fixture(scope="session")
def saved_model_of(tmp_path_factory: pytest.TempPathFactory, trained: Callable[[str], keras.Model]) -> SavedModelOf:
    """The bfloat16 SavedModel's folder of a network by name."""

    @cache
    def convert(name: str) -> Path:
        folder = tmp_path_factory.mktemp(f"saved-{name}")
        write_saved_model(trained(name), folder, input_scale=1 / 128, input_zero_point=128)
        return folder

    return convert


@pytest.fixture(scope="session")
def tflite_of(
    tmp_path_factory: pytest.TempPathFactory, pictures_of: PicturesOf, trained: Callable[[str], keras.Model]
) -> TfliteOf:
    """The TFLite file of a network by name and precision."""
    folder = tmp_path_factory.mktemp("tflite")

    @cache
    def convert(name: str, precision: Precision) -> Path:
        core = trained(name)
        if precision == "int8-qat":
            core = quantization_aware(core, 1 / 128, 128)
            _teach(core, pictures_of(name, 256))
        settings = {"input_scale": 1 / 128, "input_zero_point": 128, "calibration": pictures_of(name, 64)}
        if precision == "int8-selective":
            few = [each for each in selective_path(core, **settings).selections if len(each.left_float) <= 4]
            content = few[-1].content
        else:
            content = to_tflite(core, precision, **settings)
        path = folder / f"{name}-{precision}.tflite"
        path.write_bytes(content)
        return path

    return convert


@pytest.fixture(scope="session")
def cpu_folder(tmp_path_factory: pytest.TempPathFactory, tflite_of: TfliteOf) -> TfliteOf:
    """The folder that the cpu target makes of a network."""

    @cache
    def convert(name: str, precision: Precision) -> Path:
        folder = tmp_path_factory.mktemp(f"cpu-{name}-{precision}")
        convert_for_cpu(tflite_of(name, precision), None, folder)
        return folder

    return convert


@pytest.fixture(scope="session")
def jetson_folder(tmp_path_factory: pytest.TempPathFactory, tflite_of: TfliteOf) -> TfliteOf:
    """The folder that the jetson target makes of a network."""

    @cache
    def convert(name: str, precision: Precision) -> Path:
        folder = tmp_path_factory.mktemp(f"jetson-{name}-{precision}")
        convert_for_jetson(tflite_of(name, precision), None, folder)
        return folder

    return convert


@pytest.fixture(scope="session")
def network_of() -> NetworkOf:
    """A fixed-point network of random integers with every kind of layer, by seed."""
    activation = Format(signed=False, bits=4, fraction=2)

    def network(seed: int) -> Network:
        random = np.random.default_rng(seed)

        def conv(channels: int, filters: int, padding: str, stride: int) -> Conv2D:
            return Conv2D(
                weights=random.integers(-4, 4, (3, 3, channels, filters)),
                fraction=3,
                bias=random.integers(-20, 20, filters),
                bias_fraction=5,
                strides=(stride, stride),
                padding=padding,  # type: ignore[arg-type]
            )

        dense = Dense(
            weights=random.integers(-4, 4, (4, 3)), fraction=3, bias=random.integers(-20, 20, 3), bias_fraction=4
        )
        return Network(
            bits=3,
            shape=(8, 8, 1),
            front=Front(zero_point=128, fraction=7, dropped=4),
            nodes=(
                Node(layer=conv(1, 2, "same", 2), inputs=(-1,)),
                Node(layer=Round(format=activation), inputs=(0,)),
                Node(layer=conv(2, 2, "same", 1), inputs=(1,)),
                Node(layer=Round(format=Format(signed=True, bits=5, fraction=2)), inputs=(2,)),
                Node(layer=Add(), inputs=(3, 1)),
                Node(layer=Round(format=activation), inputs=(4,)),
                Node(layer=MaxPool(size=(1, 2)), inputs=(5,)),
                Node(layer=AveragePool(size=(2, 2)), inputs=(6,)),
                Node(layer=Flatten(), inputs=(7,)),
                Node(layer=dense, inputs=(8,)),
            ),
        )

    return network


@pytest.fixture(scope="session")
def noise() -> NDArray[np.uint8]:
    """Pictures of `network_of`: uint8 [n, h, w, c]."""
    return np.random.default_rng(1).integers(0, 256, (64, 8, 8, 1), np.uint8)


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artefact's folder: an int8 TFLite classifier of 8x8 grey pictures with three labels. Not to be changed."""
    folder = tmp_path_factory.mktemp("artifact")
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Input(TINY_SHAPE), keras.layers.Flatten(), keras.layers.Dense(len(TINY_LABELS))]
    pictures = np.random.default_rng(0).integers(0, 256, (64, *TINY_SHAPE), np.uint8)
    content = to_tflite(
        keras.Sequential(layers), "int8-ptq", input_scale=1 / 128, input_zero_point=128, calibration=pictures
    )
    (folder / "model.tflite").write_bytes(content)
    output = parse_graph(content, "tiny").output
    (scale,), (zero_point,) = output.scales, output.zero_points
    answers = open_runtime("litert-reference", folder / "model.tflite").run(pictures[:16])
    write_golden(folder, Golden(inputs=pictures[:16], outputs=answers, tolerance=scale))
    digest = hashlib.sha256(content).hexdigest()
    runtimes = ("litert-reference", "litert")
    write_contract(
        folder,
        Contract(
            name="tiny",
            version="1.0.0",
            target="cpu",
            precision="int8-ptq",
            input=Input(shape=(1, *TINY_SHAPE), colour="GREY", resize="stretch", scale=1 / 128, zero_point=128),
            output=Output(
                dtype="uint8", shape=(1, len(TINY_LABELS)), scale=scale, zero_point=zero_point, labels=TINY_LABELS
            ),
            files=(ModelFile(file="model.tflite", sha256=digest, runtimes=runtimes),),
            fastest="litert",
        ),
    )
    proof = {"file": "model.tflite", "sha256": digest, "samples": 64, "top1": 1.0, "top1_interval": [0.94, 1.0]}
    proofs = [{**proof, "runtime": runtime, "refused": ""} for runtime in runtimes]
    write_json(folder / "proof.json", {"board": None, "proofs": proofs})
    _seal(folder)
    return folder


@pytest.fixture(scope="session")
def make_artifact(artifact: Path) -> MakeArtifact:
    """Lay the tiny artefact down in `folder`, with these fields of its contract changed; `broken`: its golden vectors
    are not the ones that it answers."""

    def make(folder: Path, *, broken: bool = False, **changed: str) -> Path:
        shutil.copytree(artifact, folder)
        contract = read_contract(folder)
        write_contract(folder, replace(contract, **changed))
        if broken:
            shape = (16, len(TINY_LABELS))
            inputs = np.zeros((16, *TINY_SHAPE), np.uint8)
            write_golden(folder, Golden(inputs=inputs, outputs=np.full(shape, 99, np.float32), tolerance=0.1))
        _seal(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key that signs bundles; its public one ends in .pub.pem."""
    path = tmp_path_factory.mktemp("keys") / "signing.pem"
    make_key(path)
    return path


@pytest.fixture(scope="session")
def make_bundle(tmp_path_factory: pytest.TempPathFactory, make_artifact: MakeArtifact, signing_key: Path) -> MakeBundle:
    """The bundle of the tiny artefact, made once for the same arguments: `make_bundle(version="1.1.0", broken=True,
    key=other, board="pi-5")`; the public key that it was signed with is `signing_key.with_suffix(".pub.pem")`."""

    @cache
    def make(*, key: Path = signing_key, board: str | None = None, broken: bool = False, **changed: str) -> Path:
        folder = tmp_path_factory.mktemp("bundle")
        made = plan(make_artifact(folder / "artifact", broken=broken, **changed), board, None)
        return write_bundle(made, key, folder)

    return make


def _seal(folder: Path) -> None:
    """Write the manifest of what the folder holds now."""
    outputs = hash_outputs(folder)
    write_manifest(folder, Manifest(stage="export", settings={}, inputs={}, source="", tools={}, outputs=outputs))


def _teach(core: keras.Model, pictures: NDArray[np.uint8]) -> None:
    """A few steps towards labels that the pictures do carry, so that ranges and logits are those of a real network."""
    labels = pictures.mean(axis=(1, 2)).argmax(axis=1) * 3 + (pictures[:, :4].mean(axis=(1, 2, 3)) > 128)
    for layer in core.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.7
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    core.compile(keras.optimizers.Adam(1e-3), loss)
    core.fit((pictures - 128.0) / 128.0, labels, batch_size=32, epochs=4, verbose=0)

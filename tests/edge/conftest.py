"""Networks trained for a few steps and converted once: what the runtimes and the targets are tested on."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tf_keras as keras
from numpy.typing import NDArray

import models
from edge.fixed_point.formats import Format
from edge.fixed_point.network import Add, AveragePool, Conv2D, Dense, Flatten, Front, MaxPool, Network, Node, Round
from edge.target import Precision
from edge.targets.cpu import convert as convert_for_cpu
from edge.targets.jetson import convert as convert_for_jetson
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


def _teach(core: keras.Model, pictures: NDArray[np.uint8]) -> None:
    """A few steps towards labels that the pictures do carry, so that ranges and logits are those of a real network."""
    labels = pictures.mean(axis=(1, 2)).argmax(axis=1) * 3 + (pictures[:, :4].mean(axis=(1, 2, 3)) > 128)
    for layer in core.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.7
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    core.compile(keras.optimizers.Adam(1e-3), loss)
    core.fit((pictures - 128.0) / 128.0, labels, batch_size=32, epochs=4, verbose=0)

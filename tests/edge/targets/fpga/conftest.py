"""Small networks of random integers."""

from collections.abc import Callable

import numpy as np
import pytest

from edge.fixed_point.formats import Format
from edge.fixed_point.network import Add, AveragePool, Conv2D, Dense, Flatten, Front, MaxPool, Network, Node, Round

NetworkOf = Callable[[int], Network]
ACTIVATION = Format(signed=False, bits=4, fraction=2)


@pytest.fixture(scope="session")
def network_of() -> NetworkOf:
    """A network with every kind of layer, by seed."""

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
                Node(layer=Round(format=ACTIVATION), inputs=(0,)),
                Node(layer=conv(2, 2, "same", 1), inputs=(1,)),
                Node(layer=Round(format=Format(signed=True, bits=5, fraction=2)), inputs=(2,)),
                Node(layer=Add(), inputs=(3, 1)),
                Node(layer=Round(format=ACTIVATION), inputs=(4,)),
                Node(layer=MaxPool(size=(1, 2)), inputs=(5,)),
                Node(layer=AveragePool(size=(2, 2)), inputs=(6,)),
                Node(layer=Flatten(), inputs=(7,)),
                Node(layer=dense, inputs=(8,)),
            ),
        )

    return network


@pytest.fixture(scope="session")
def noise() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (64, 8, 8, 1), np.uint8)

"""One small residual network, not trained, and pictures at random."""

import numpy as np
import pytest
import tf_keras as keras

import models

SHAPE = (32, 32, 3)


@pytest.fixture(scope="session")
def core() -> keras.Model:
    keras.utils.set_random_seed(0)
    return models.build("resnet8", SHAPE, 10, width=0.5)


@pytest.fixture(scope="session")
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(3, 250, (32, *SHAPE), np.uint8)  # reaches neither 0 nor 255

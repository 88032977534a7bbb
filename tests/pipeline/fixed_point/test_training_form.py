"""Training in floats that imitate integers, held against the integers; folding, held against Keras."""

import numpy as np
import pytest
import tf_keras as keras

import models
from edge.device.errors import BadModel
from edge.fixed_point.evaluate import logits_of
from edge.fixed_point.network import Front
from models.mlp import perceptron
from models.pixels import with_pixels
from pipeline.fixed_point.aware import activations_of, aware_network, float_network, network_of, trained_steps
from pipeline.fixed_point.distillation import with_teacher
from pipeline.fixed_point.formats import choose_formats, weight_format
from pipeline.fixed_point.pruning import levels, masks_of
from pipeline.fixed_point.steps import steps_of

FRONT = Front(zero_point=128, fraction=7, dropped=3)


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    random = np.random.default_rng(0)
    return random.integers(0, 256, (96, 8, 8, 1), np.uint8)


def _numbers(pictures, front=FRONT):
    return (front.codes(pictures) * 2.0**-front.format.fraction).astype(np.float32)


def _small_residual():
    """Every kind of step: convolution with batch normalisation, both pools, an addition, Dense."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    inputs = keras.Input((8, 8, 1))
    x = layers.ReLU()(
        layers.BatchNormalization()(layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(inputs))
    )
    y = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(x))
    x = layers.Activation("relu")(layers.Add()([x, y]))
    x = layers.Dropout(0.1)(layers.MaxPooling2D(2)(x))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(6, activation="relu")(x)
    core = keras.Model(inputs, layers.Dense(3, name="logits")(x))
    for layer in core.layers:
        if isinstance(layer, layers.BatchNormalization):
            values = [np.random.default_rng(2).uniform(0.5, 1.5, each.shape) for each in layer.get_weights()]
            layer.set_weights(values)
    return core


@pytest.mark.parametrize("name", ["mlp", "cnn", "resnet8"])
def test_steps_compute_what_the_network_computes(name):
    keras.utils.set_random_seed(0)
    core = models.build(name, (32, 32, 3), 10, width=0.25)
    x = np.random.default_rng(0).uniform(-1, 1, (4, 32, 32, 3)).astype(np.float32)
    steps = steps_of(core)
    again = float_network(steps, (32, 32, 3), [None] * len(steps))
    np.testing.assert_allclose(again(x), core(x, training=False), atol=2e-5)
    assert {step.kind for step in steps} <= {"dense", "conv", "average_pool", "flatten", "add"}


@pytest.mark.parametrize("bits", [3, 4, 8])
@pytest.mark.parametrize("build", [_small_residual, lambda: perceptron((8, 8, 1), 5, (12, 7))])
def test_integers_give_the_aware_networks_logits_to_the_bit(build, bits, pictures):
    steps = steps_of(build())
    masks = masks_of(steps, 0.4)
    numbers = _numbers(pictures)
    seen = activations_of(float_network(steps, (8, 8, 1), masks), steps, numbers)
    formats = choose_formats(steps, seen, FRONT, bits, bits)
    aware = aware_network(steps, (8, 8, 1), formats, masks)
    aware.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    aware.fit(numbers, np.arange(len(numbers)) % 3, epochs=2, batch_size=16, verbose=0)
    network = network_of(trained_steps(aware, steps, masks), formats, FRONT, (8, 8, 1), bits)
    np.testing.assert_array_equal(logits_of(network, pictures), aware(numbers, training=False).numpy())
    sizes = [layer.weights for layer in network.products]
    assert all(np.count_nonzero(each) <= round(each.size * 0.6) for each in sizes)
    assert all(-(2 ** (bits - 1)) <= each.min() and each.max() < 2 ** (bits - 1) for each in sizes)


def test_pruned_weights_stay_0_in_training(pictures):
    steps = steps_of(perceptron((8, 8, 1), 5, (12,)))
    masks = masks_of(steps, 0.5)
    network = float_network(steps, (8, 8, 1), masks)
    network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.fit(_numbers(pictures), np.arange(len(pictures)) % 5, epochs=2, verbose=0)
    for step, mask in zip(trained_steps(network, steps, masks), masks, strict=True):
        if mask is not None:
            assert np.count_nonzero(step.kernel) == mask.sum() == mask.size / 2


def test_pruning_takes_the_same_share_of_what_is_left_each_time():
    left = 1 - np.array(levels(0.875))
    np.testing.assert_allclose(left, [0.5, 0.25, 0.125])
    assert levels(0.0) == ()


def test_weight_format_loses_least():
    kernel = np.array([[0.9, -0.26, 0.13, 0.01]], np.float32)
    chosen = weight_format(kernel, 3)
    errors = {}
    for fraction in range(-2, 8):
        codes = np.clip(np.rint(kernel * 2.0**fraction), -4, 3)
        errors[fraction] = float(np.square(codes / 2.0**fraction - kernel).sum())
    assert chosen.fraction == min(errors, key=errors.__getitem__)


def test_student_alone_learns_and_the_teacher_stays(pictures):
    student, teacher = (
        perceptron((8, 8, 1), 5, (12,)),
        with_pixels(perceptron((8, 8, 1), 5, (8,)), 1 / 128, -1.0),
    )
    before = [each.copy() for each in teacher.get_weights()]
    model = with_teacher(student, FRONT, teacher)
    assert len(model.trainable_variables) == len(student.trainable_variables)
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = pictures.astype(np.float32)
    answers = teacher(x).numpy().argmax(1)
    model.fit(x, answers, epochs=30, verbose=0)
    assert (model(x).numpy().argmax(1) == answers).mean() > 0.9
    for one, other in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(model(x), student(_numbers(pictures)), atol=1e-5)


def test_layer_that_fixed_point_does_not_know_is_named():
    core = models.build("mobilenet_v1", (32, 32, 3), 10, width=0.25)
    with pytest.raises(BadModel, match=r"layer .* \(.*\): .*name a student"):
        steps_of(core)

"""The oracle is TensorFlow in float64, where these small numbers are exact, and Python's integers."""

import zipfile

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.device.errors import BadModel
from edge.fixed_point.evaluate import evaluate, logits_of
from edge.fixed_point.file import is_network, read_network, write_network
from edge.fixed_point.network import PICTURE, AveragePool, Conv2D, Dense, Flatten, Front, Network, Node
from edge.fixed_point.spans import multiplications, spans_of


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    ("kernel", "strides"), [((3, 3), (1, 1)), ((3, 3), (2, 2)), ((2, 5), (2, 3)), ((1, 1), (1, 2))]
)
def test_convolution_equals_tensorflows(padding, kernel, strides):
    random = np.random.default_rng(0)
    layer = Conv2D(weights=random.integers(-8, 8, (*kernel, 3, 4)), fraction=3, bias=random.integers(-9, 9, 4),
                   bias_fraction=5, strides=strides, padding=padding)  # fmt: skip
    network = Network(
        bits=4, shape=(9, 10, 3), front=Front(zero_point=0, fraction=8), nodes=(Node(layer=layer, inputs=(PICTURE,)),)
    )
    x = random.integers(0, 256, (5, 9, 10, 3)) / 256
    expected = tf.nn.conv2d(x, layer.weights / 8.0, strides, padding.upper()).numpy() + layer.bias / 32
    np.testing.assert_array_equal(evaluate(network, x), expected)
    assert spans_of(network)[0].shape == expected.shape[1:]


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_every_number_lies_within_the_span_of_its_node(seed, network_of, noise):
    network = network_of(seed)
    numbers = network.front.codes(noise) * 2.0**-network.front.format.fraction
    for position, span in enumerate(spans_of(network)):
        part = Network(bits=3, shape=network.shape, front=network.front, nodes=network.nodes[: position + 1])
        found = evaluate(part, numbers)
        codes = found * 2.0**span.format.fraction
        assert found.shape[1:] == span.shape
        assert (codes == np.floor(codes)).all()
        assert codes.min() >= span.format.lowest
        assert codes.max() <= span.format.highest


def test_dense_network_equals_pythons_integers():
    random = np.random.default_rng(3)
    weights, bias = random.integers(-8, 8, (6, 4)), random.integers(-99, 99, 4)
    layer = Dense(weights=weights, fraction=2, bias=bias, bias_fraction=9)
    network = Network(bits=4, shape=(1, 1, 6), front=Front(zero_point=128, fraction=7), nodes=(
        Node(layer=Flatten(), inputs=(PICTURE,)), Node(layer=layer, inputs=(0,))))  # fmt: skip
    pictures = random.integers(0, 256, (20, 1, 1, 6), np.uint8)
    for picture, logits in zip(pictures, logits_of(network, pictures), strict=True):
        bytes_in = [int(byte) - 128 for byte in picture.ravel()]
        exact = [sum(x * int(w) for x, w in zip(bytes_in, column, strict=True)) + int(b)
                 for column, b in zip(weights.T, bias, strict=True)]  # fmt: skip
        assert [float(value) * 512 for value in logits.ravel()] == exact
    assert multiplications(network) == np.count_nonzero(weights)


def test_file_gives_the_network_back_and_the_same_bytes(network_of, noise, tmp_path):
    network = network_of(5)
    write_network(tmp_path / "a.npz", network)
    again = read_network(tmp_path / "a.npz")
    write_network(tmp_path / "b.npz", again)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    np.testing.assert_array_equal(logits_of(network, noise), logits_of(again, noise))
    assert (again.bits, again.shape, again.front) == (3, (8, 8, 1), network.front)
    assert is_network(tmp_path / "a.npz")


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_file_is_refused_or_read(data, network_of, tmp_path_factory):
    path = tmp_path_factory.mktemp("damaged") / "network.npz"
    write_network(path, network_of(0))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    try:
        read_network(path)
    except BadModel as error:
        assert str(path) in str(error)


def test_other_files_are_no_networks(tmp_path):
    (tmp_path / "text.npz").write_text("no archive")
    with zipfile.ZipFile(tmp_path / "other.npz", "w") as archive:
        archive.writestr("something", "else")
    for name in ("text.npz", "other.npz", "absent.npz"):
        assert not is_network(tmp_path / name)
        with pytest.raises(BadModel, match=name):
            read_network(tmp_path / name)


def test_layers_that_do_not_fit_are_named(network_of):
    network = network_of(0)
    wrong = Network(bits=3, shape=(9, 9, 2), front=network.front, nodes=network.nodes)
    with pytest.raises(BadModel, match=r"layer 0 \(Conv2D\).*takes 1 channels"):
        spans_of(wrong)
    third = Node(layer=AveragePool(size=(3, 1)), inputs=(PICTURE,))
    with pytest.raises(BadModel, match="averages 3, not a power of two"):
        spans_of(Network(bits=3, shape=(9, 9, 2), front=network.front, nodes=(third,)))

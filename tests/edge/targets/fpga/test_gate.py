"""What the gate has to find, and what da4ml has to get right."""

import numpy as np
import pytest

from edge.device.errors import ConversionFailed
from edge.fixed_point.formats import Format
from edge.fixed_point.network import PICTURE, Dense, Flatten, Front, Network, Node, Round
from edge.targets.fpga.agreement import Gate

pytest.importorskip("da4ml", reason="make setup-fpga")

from edge.fixed_point.interface import Interface, write_interface
from edge.simulators.da4ml import PROGRAM, open_da4ml
from edge.simulators.fixed_point import FixedPoint
from edge.targets.fpga.logic import trace


def _program(network, folder):
    logic = trace(network)
    logic.program.save(folder / PROGRAM)
    face = Interface(shape=network.shape, front=network.front, labels=logic.program.shape[1], logits=logic.logits)
    write_interface(folder, face)
    return open_da4ml(folder, "NHWC", 1)


def _scaled(point):
    """One pixel times 5 / 2**point, plus a half, kept within 12 bits that end there."""
    layer = Dense(weights=np.array([[5]]), fraction=point, bias=np.array([1]), bias_fraction=1)
    target = Round(format=Format(signed=True, bits=12, fraction=point))
    nodes = (
        Node(layer=Flatten(), inputs=(PICTURE,)),
        Node(layer=layer, inputs=(0,)),
        Node(layer=target, inputs=(1,)),
    )
    return Network(bits=8, shape=(1, 1, 1), front=Front(zero_point=128, fraction=0), nodes=nodes)


@pytest.mark.parametrize("seed", range(4))
def test_da4ml_gives_the_networks_bits(seed, network_of, tmp_path):
    network = network_of(seed)
    Gate(network).require_equal("da4ml's program", _program(network, tmp_path))


def test_wrong_logic_of_da4ml_is_refused(tmp_path):
    """da4ml 0.6.0 corrupts constants that it scales by 32 bits or more, and says nothing."""
    Gate(_scaled(8)).require_equal("da4ml's program", _program(_scaled(8), tmp_path))
    broken = _scaled(33)
    with pytest.raises(ConversionFailed, match=r"da4ml's program differs .* in \d+ of 256 logits.*not to be used"):
        Gate(broken).require_equal("da4ml's program", _program(broken, tmp_path))


def test_one_wrong_bit_is_found(network_of):
    network = network_of(0)
    last = network.nodes[-1].layer
    bias = last.bias.copy()
    bias[1] += 1
    changed = Dense(weights=last.weights, fraction=last.fraction, bias=bias, bias_fraction=last.bias_fraction)
    other = Network(
        bits=3, shape=network.shape, front=network.front,
        nodes=(*network.nodes[:-1], Node(layer=changed, inputs=network.nodes[-1].inputs)),
    )  # fmt: skip
    with pytest.raises(ConversionFailed, match="label 1"):
        Gate(network).require_equal("another", FixedPoint(other))

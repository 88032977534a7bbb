"""What a release's table restricts in words, and whether an operator uses it: then nobody has evidence that it runs."""

from collections.abc import Callable, Mapping

from onnx import NodeProto

from edge.targets.jetson.network import Network, attribute
from edge.targets.jetson.releases import Release

Test = Callable[[Network, NodeProto], bool]
COORDINATES = (b"half_pixel", b"pytorch_half_pixel", b"tf_half_pixel_for_nn", b"asymmetric", b"align_corners")
K_LIMIT = 3840  # "`K` below 3840" in the tables


def doubt(network: Network, node: NodeProto, release: Release) -> str:
    """The restriction of the release's table that `node` touches, in the table's words; empty where none is known."""
    words = release.restrictions.get(node.op_type, "")
    tests = REDUCTIONS if node.op_type.startswith("Reduce") else DOUBTS.get(node.op_type, {})
    touched = any(phrase in words and test(network, node) for phrase, test in tests.items())
    return f"the table of TensorRT {release.version} restricts it: {words}" if touched else ""


def _resampled(network: Network, node: NodeProto) -> bool:  # noqa: ARG001 - one form for every test
    return attribute(node, "mode", b"nearest") == b"cubic" or bool(attribute(node, "exclude_outside", 0))


def _other_coordinates(network: Network, node: NodeProto) -> bool:  # noqa: ARG001 - one form for every test
    return attribute(node, "coordinate_transformation_mode", COORDINATES[0]) not in COORDINATES


def _antialiased(network: Network, node: NodeProto) -> bool:  # noqa: ARG001 - one form for every test
    return bool(attribute(node, "antialias", 0))


def _unsorted(network: Network, node: NodeProto) -> bool:  # noqa: ARG001 - one form for every test
    return not attribute(node, "sorted", 1)


def _large_k(network: Network, node: NodeProto) -> bool:
    count = network.value(node.input[1]) if len(node.input) > 1 else None
    return count is not None and count.dtype.kind == "i" and bool((count >= K_LIMIT).any())


def _reducing(network: Network, node: NodeProto) -> bool:  # noqa: ARG001 - one form for every test
    return bool(attribute(node, "reduction", b"none") != b"none")


def _not_pictures(network: Network, node: NodeProto) -> bool:
    shape = network.shape_of(node.input[0]) if node.input else None
    return shape is not None and len(shape) != 4


def _two_activations(network: Network, node: NodeProto) -> bool:  # noqa: ARG001 - one form for every test
    names = attribute(node, "activations", [])
    half = len(names) // 2
    both = attribute(node, "direction", b"forward") == b"bidirectional"
    return both and bool(names[:half] != names[half:])


def _computed_second(network: Network, node: NodeProto) -> bool:
    """Whether an operator or the caller gives the second input; names of an inner graph stay unknown."""
    name = node.input[1] if len(node.input) > 1 else ""
    if not name or network.is_constant(name):
        return False
    maker = network.makers.get(name)
    return any(value.name == name for value in network.inputs) if maker is None else maker.op_type != "Constant"


# By operator: a phrase of its restriction, and whether a node goes against it.
BOTH_WAYS: Mapping[str, Test] = {"for bidirectional ones": _two_activations}
REDUCTIONS: Mapping[str, Test] = {"`axes` must be an initializer": _computed_second}
DOUBTS: Mapping[str, Mapping[str, Test]] = {
    "Resize": {
        "nearest or linear": _resampled,
        "asymmetric or align_corners": _other_coordinates,
        "no antialiasing": _antialiased,
    },
    "TopK": {
        "`sorted` must be 1": _unsorted,
        "`K` below 3840": _large_k,
        "`K` must be an initializer": _computed_second,
    },
    "ScatterND": {"`reduction`": _reducing},
    "GridSample": {"4D input only": _not_pictures},
    "GRU": BOTH_WAYS,
    "LSTM": BOTH_WAYS,
    "RNN": BOTH_WAYS,
}

"""The limits of single operators on the Edge TPU.

"documented": https://coral.ai/docs/edgetpu/models-intro/#supported-operations
"seen": an operator of a published model that the compiler took or left, or a compiler's log in an issue of
https://github.com/google-coral/edgetpu, whose number is given.
"""

from math import prod

from edge.targets.coral.ruling import (
    FINE,
    IMPRECISE,
    NOT_CONSTANT,
    UNSPECIFIED,
    Ruling,
    doubted,
    input_of,
    integers_of,
    left,
    output_of,
)
from edge.tflite import Graph, Operator, Tensor

FUSED_ACTIVATIONS = frozenset({0, 1, 2, 3})  # none, RELU, RELU_N1_TO_1, RELU6
BATCHED = 4  # dimensions from which on the first is a batch

LARGEST_SOFTMAX = 16_384  # documented: 16,000; seen taken: 128 * 128
LARGEST_RESIZE_TAKEN, SMALLEST_RESIZE_LEFT = 2.0, 15.5  # factors of enlargement seen
LIKELY_RESIZE = 8.0  # between those two nobody has looked
LARGEST_ENLARGED = 8 * 2**20  # bytes; #31: 512 x 512 x 32 is left, 128 x 128 x 32 taken
LARGEST_MEAN_TAKEN, SMALLEST_MEAN_LEFT = 64 * 128, 256 * 128  # places averaged over; #461


def no_fused_activation(graph: Graph, operator: Operator) -> Ruling:  # noqa: ARG001 - one form for all
    """Pooling. Documented: no fused activation."""
    return left(UNSPECIFIED, "fused activation") if operator.options.get("fusedActivationFunction", 0) else FINE


def concatenation(graph: Graph, operator: Operator) -> Ruling:
    """Documented: no fused activation; a constant only as the second of two inputs, and all zero."""
    constants = [graph.tensors[index] for index in operator.inputs if index >= 0 and graph.tensors[index].constant]
    if len(constants) > 1 or (constants and len(operator.inputs) != 2):
        return left(UNSPECIFIED, "a constant among more than two inputs")
    if any(_not_zero(tensor) for tensor in constants):
        return left(UNSPECIFIED, "a constant that is not zero")
    return no_fused_activation(graph, operator)


def convolution(graph: Graph, operator: Operator) -> Ruling:
    """Documented: one dilation for x and y. Seen: where the kernel has one column, that axis' dilation is free."""
    weights = input_of(graph, operator, 1)
    if weights is None or len(weights.shape) != BATCHED:
        return left(UNSPECIFIED, "weights of another rank than 4")
    ruling = _constant_weights(graph, operator, (1, 2))
    if not ruling.supported:
        return ruling
    dilations = operator.options.get("dilationHFactor", 1), operator.options.get("dilationWFactor", 1)
    if dilations[0] != dilations[1] and 1 not in weights.shape[1:3]:
        return left(UNSPECIFIED, f"dilation {dilations[0]} by {dilations[1]}")
    image = input_of(graph, operator, 0)
    if operator.name == "CONV_2D" and image is not None and image.shape[-1:] != weights.shape[-1:]:
        return left(UNSPECIFIED, "grouped convolution")
    return FINE


def transposed_convolution(graph: Graph, operator: Operator) -> Ruling:
    """Documented without a limit; the output's shape, the weights and the bias must be constant."""
    return _constant_weights(graph, operator, (1, 3))


def fully_connected(graph: Graph, operator: Operator) -> Ruling:
    """Documented: the default weights format and an output of one dimension."""
    if operator.options.get("weightsFormat", 0):
        return left(UNSPECIFIED, "shuffled weights")
    ruling = _constant_weights(graph, operator, (1, 2))
    return ruling if not ruling.supported else _one_dimension(graph, operator)


def softmax(graph: Graph, operator: Operator) -> Ruling:
    """Documented: one dimension of at most 16,000 elements; 16,384 were seen taken."""
    ruling = _one_dimension(graph, operator)
    given = output_of(graph, operator)
    if ruling.supported and given is not None and given.shape[-1:] > (LARGEST_SOFTMAX,):
        return left(UNSPECIFIED, f"softmax over {given.shape[-1]} elements, 16,000 at most")
    return ruling


def reduction(graph: Graph, operator: Operator) -> Ruling:
    """Documented: not over the batch."""
    data = input_of(graph, operator, 0)
    if data is None:
        return FINE
    axes = {axis % len(data.shape) for axis in integers_of(input_of(graph, operator, 1))} if data.shape else set()
    return left(UNSPECIFIED, "over the batch") if 0 in axes and len(data.shape) >= BATCHED else FINE


def mean(graph: Graph, operator: Operator) -> Ruling:
    """Documented: not over the batch, channels only in multiples of 4. Seen: large areas stay on the CPU (#461)."""
    data = input_of(graph, operator, 0)
    ruling = reduction(graph, operator)
    if data is None or not data.shape or not ruling.supported:
        return ruling
    rank = len(data.shape)
    axes = {axis % rank for axis in integers_of(input_of(graph, operator, 1))}
    if rank - 1 in axes and data.shape[-1] % 4:
        return left(UNSPECIFIED, f"over {data.shape[-1]} channels, no multiple of 4")
    places = prod(data.shape[axis] for axis in axes)
    if places >= SMALLEST_MEAN_LEFT:
        return left(UNSPECIFIED, f"over {places} elements")
    if places > LARGEST_MEAN_TAKEN:
        return doubted(f"no mean over {places} elements has been seen taken or left")
    return FINE


def padding(graph: Graph, operator: Operator) -> Ruling:
    """Documented: not along the batch. Seen: only 32-bit paddings."""
    amounts = input_of(graph, operator, 1)
    if amounts is not None and amounts.dtype != "INT32":
        return left(UNSPECIFIED, f"{amounts.dtype} paddings")
    values = integers_of(amounts)
    return left(UNSPECIFIED, "padding along the batch") if len(values) >= 2 * BATCHED and any(values[:2]) else FINE


def strided_slice(graph: Graph, operator: Operator) -> Ruling:
    """Documented: strides of 1, no ellipsis mask, no new axis mask."""
    if any(stride != 1 for stride in integers_of(input_of(graph, operator, 3))):
        return left(UNSPECIFIED, "strides other than 1")
    masked = operator.options.get("ellipsisMask", 0) or operator.options.get("newAxisMask", 0)
    return left(UNSPECIFIED, "an ellipsis or new axis mask") if masked else FINE


def resize(graph: Graph, operator: Operator) -> Ruling:
    """Documented: "depending on input/output size, this operation might not be mapped to avoid loss in precision"."""
    before, after = input_of(graph, operator, 0), output_of(graph, operator)
    if before is None or after is None or len(before.shape) != BATCHED or len(after.shape) != BATCHED:
        return left(UNSPECIFIED, "no picture")
    if 0 in before.shape[1:3]:
        return left(UNSPECIFIED, "an empty picture")
    factor = max(after.shape[1] / before.shape[1], after.shape[2] / before.shape[2])
    if factor >= SMALLEST_RESIZE_LEFT:
        return left(IMPRECISE, f"enlarges {factor:.3g} times")
    if factor > LARGEST_RESIZE_TAKEN:
        doubt = f"enlarges {factor:.3g} times: 2 times has been seen taken, {SMALLEST_RESIZE_LEFT} times left"
        return doubted(doubt) if factor <= LIKELY_RESIZE else left(IMPRECISE, doubt=doubt)
    return left(UNSPECIFIED, "result of 8 MiB or more") if prod(after.shape) >= LARGEST_ENLARGED else FINE


def split(graph: Graph, operator: Operator) -> Ruling:
    """Documented: not along the batch."""
    data = input_of(graph, operator, 1)
    axes = integers_of(input_of(graph, operator, 0))
    if data is None or len(data.shape) < BATCHED or not axes:
        return FINE
    return left(UNSPECIFIED, "along the batch") if axes[0] % len(data.shape) == 0 else FINE


def pack(graph: Graph, operator: Operator) -> Ruling:
    """Documented: not along the batch."""
    given = output_of(graph, operator)
    if given is None or len(given.shape) < BATCHED:
        return FINE
    return left(UNSPECIFIED, "along the batch") if operator.options.get("axis", 0) % len(given.shape) == 0 else FINE


def prelu(graph: Graph, operator: Operator) -> Ruling:
    """Documented: slopes of one dimension (Keras: shared_axes=[1, 2])."""
    slopes = input_of(graph, operator, 1)
    if slopes is None or not slopes.constant:
        return left(NOT_CONSTANT)
    return left(UNSPECIFIED, "slopes of more than one dimension") if prod(slopes.shape[:-1]) > 1 else FINE


def tile(graph: Graph, operator: Operator) -> Ruling:
    """Not documented; version 1 was seen taken where it spreads [1, 1, 1, c] over a picture."""
    data = input_of(graph, operator, 0)
    spreads = data is not None and len(data.shape) == BATCHED and prod(data.shape[:3]) == 1
    if spreads and operator.version == 1:
        return FINE
    return left(UNSPECIFIED, doubt="TILE is not documented; only [1, 1, 1, c] over a picture has been seen taken")


def transpose(graph: Graph, operator: Operator) -> Ruling:  # noqa: ARG001 - one form for all
    """Documented without a limit, yet large ones stay on the CPU (#433, #512); nobody knows from which size on."""
    return doubted("large transposes stay on the CPU, and nobody has found from which size on")


def _constant_weights(graph: Graph, operator: Operator, places: tuple[int, ...]) -> Ruling:
    for place in places:
        tensor = input_of(graph, operator, place)
        if tensor is not None and not tensor.constant:
            return left(NOT_CONSTANT, tensor.name)
    weights = input_of(graph, operator, places[0])
    return (
        FINE if weights is not None and weights.dtype in ("INT8", "UINT8") else left(NOT_CONSTANT, "no 8-bit weights")
    )


def _one_dimension(graph: Graph, operator: Operator) -> Ruling:
    given = output_of(graph, operator)
    if given is None or prod(given.shape[:-1]) == 1:
        return FINE
    return left(UNSPECIFIED, f"output {list(given.shape)}, of one dimension at most")


def _not_zero(tensor: Tensor) -> bool:
    zero = (tensor.zero_points[0] if tensor.zero_points else 0) % 256
    return any(code != zero for code in tensor.data)

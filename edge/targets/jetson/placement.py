"""Which operators a release's parser takes, by its table and the restrictions that can be read off a graph."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from onnx import AttributeProto, NodeProto, TensorProto, defs

from edge.target import Finding, PlacedOperator, Placement
from edge.targets.jetson.doubts import doubt
from edge.targets.jetson.network import Network, attribute, name_of, type_name
from edge.targets.jetson.releases import Release

TABLE_TYPES = {
    "FLOAT": "FP32", "FLOAT16": "FP16", "BFLOAT16": "BF16", "INT8": "INT8", "INT32": "INT32", "INT64": "INT64",
    "BOOL": "BOOL",
}  # fmt: skip
DEEPEST = 16  # graphs within graphs


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one release says of one operator."""

    placement: Placement
    reason: str = ""


TAKEN = Answer(placement="accelerator")


def place(network: Network, releases: Sequence[Release]) -> tuple[PlacedOperator, ...]:
    """Each operator of the main graph: on the GPU where all releases take it, refused where none does.

    What some take is uncertain, and so is what a table does not tell; reasons name the releases.
    """
    placed = []
    for index, node in enumerate(network.nodes):
        answers = {release.version: ask(network, node, release) for release in releases}
        placed.append(_placed(index, node, answers))
    return tuple(placed)


def refused_operators(network: Network, release: Release) -> list[Finding]:
    """The operators that the release does not take, as findings."""
    findings = []
    for node in network.nodes:
        answer = ask(network, node, release)
        if answer.placement == "refused":
            fix = "use other layers, or a plugin of your own"
            findings.append(Finding(severity="refused", operator=name_of(node), reason=answer.reason, fix=fix))
    return findings


def ask(network: Network, node: NodeProto, release: Release, depth: int = 0) -> Answer:
    """Whether the release's parser takes `node`, with all that its graphs hold."""
    inner = _asked_within(network, node, release, depth)
    if inner is not None:
        return inner
    if node.domain not in ("", "ai.onnx"):
        return _refused(f"operator set {node.domain} needs a plugin")
    if node.op_type in release.unsupported:
        return _refused("TensorRT's parser does not support it")
    if node.op_type not in release.types:
        if defs.has(node.op_type):
            return Answer(placement="uncertain", reason=f"the operator table of TensorRT {release.version} omits it")
        return _refused("is no operator of ONNX: it needs a plugin of that name")
    refusal = _refusal(network, node)
    if refusal:
        return _refused(refusal)
    doubtful = doubt(network, node, release)
    return Answer(placement="uncertain", reason=doubtful) if doubtful else _asked_of_types(network, node, release)


def _asked_within(network: Network, node: NodeProto, release: Release, depth: int) -> Answer | None:
    """The worst answer about an operator of the model's own, or of a loop's or condition's graphs; None where fine."""
    bodies = [each.g.node for each in node.attribute if each.type == AttributeProto.GRAPH]
    own = network.functions.get((node.domain, node.op_type))
    if own is not None and not release.local_functions:
        return _refused("operators that the model itself defines came with TensorRT 9")
    bodies += [] if own is None else [own]
    if depth > DEEPEST:
        return _refused(f"graphs within graphs, more than {DEEPEST} deep")
    for body in bodies:
        for each in body:
            answer = ask(network, each, release, depth + 1)
            if answer.placement != "accelerator":
                return Answer(placement=answer.placement, reason=f"holds {name_of(each)}: {answer.reason}")
    return None if own is None else TAKEN


def _asked_of_types(network: Network, node: NodeProto, release: Release) -> Answer:
    """Uncertain where the table does not list the type of the data that the operator reads."""
    listed = release.types[node.op_type]
    kind = TABLE_TYPES.get(type_name(network.type_of(node.input[0]))) if node.input else None
    if kind == "INT64" and release.major < 9:
        kind = "INT32"  # cast down as it is read
    if kind is None or not listed or kind in listed or kind == "INT8" or node.op_type == "DequantizeLinear":
        return TAKEN
    reason = f"it reads {kind}; the table of TensorRT {release.version} lists {', '.join(sorted(listed))}"
    return Answer(placement="uncertain", reason=reason)


def _refusal(network: Network, node: NodeProto) -> str:
    """The restriction that `node` breaks, in words; empty where none that can be told."""
    test = RESTRICTIONS.get(node.op_type)
    return test(network, node) if test is not None else ""


def _pooling(network: Network, node: NodeProto) -> str:
    if any(each != 1 for each in attribute(node, "dilations", [])):
        return "pooling with dilations other than 1"
    if len(node.output) > 1 and node.output[1]:
        return "the indices of the largest values are no output of TensorRT's"
    shape = network.shape_of(node.input[0]) if node.input else None
    spatial = len(attribute(node, "kernel_shape", [])) or (len(shape) - 2 if shape else 2)
    return "" if 1 <= spatial <= 3 else f"pooling over {spatial} axes; TensorRT pools over 2 or 3"


def _convolution(network: Network, node: NodeProto) -> str:
    shape = network.shape_of(node.input[1]) if len(node.input) > 1 else None
    spatial = len(shape) - 2 if shape is not None else 2
    return "" if 1 <= spatial <= 3 else f"convolves over {spatial} axes; TensorRT convolves over at most 3"


def _recurrent(network: Network, node: NodeProto) -> str:  # noqa: ARG001 - one form for every restriction
    if attribute(node, "input_forget", 0) or attribute(node, "layout", 0):
        return "input_forget and layout must be 0"
    return ""


def _training(network: Network, node: NodeProto) -> str:  # noqa: ARG001 - one form for every restriction
    return "is in training mode" if attribute(node, "training_mode", 0) else ""


def _first_output(network: Network, node: NodeProto) -> str:  # noqa: ARG001 - one form for every restriction
    return "only its first output exists" if any(node.output[1:]) else ""


def _cast(network: Network, node: NodeProto) -> str:  # noqa: ARG001 - one form for every restriction
    to = attribute(node, "to", 0)
    known = {*TABLE_TYPES, "DOUBLE", "UINT8", "FLOAT8E4M3FN"}
    return "" if type_name(to) in known else f"casts to {type_name(to) if to != TensorProto.UNDEFINED else 'no type'}"


def _constant(network: Network, node: NodeProto) -> str:  # noqa: ARG001 - one form for every restriction
    odd = [each.name for each in node.attribute if each.name in ("sparse_value", "value_string", "value_strings")]
    return f"holds a {odd[0]}" if odd else ""


def _constant_axes(network: Network, node: NodeProto) -> str:
    computed = len(node.input) > 1 and node.input[1] and node.input[1] in network.makers
    maker = network.makers.get(node.input[1]) if computed else None
    return "its axes are computed; expected constants" if maker is not None and maker.op_type != "Constant" else ""


RESTRICTIONS: Mapping[str, Callable[[Network, NodeProto], str]] = {
    "AveragePool": _pooling,
    "MaxPool": _pooling,
    "LpPool": _pooling,
    "Conv": _convolution,
    "ConvTranspose": _convolution,
    "LSTM": _recurrent,
    "BatchNormalization": _training,
    "LayerNormalization": _first_output,
    "Cast": _cast,
    "Constant": _constant,
    "Squeeze": _constant_axes,
    "Unsqueeze": _constant_axes,
    "CumSum": _constant_axes,
}


def _placed(index: int, node: NodeProto, answers: Mapping[str, Answer]) -> PlacedOperator:
    placements = {answer.placement for answer in answers.values()}
    reasons = dict.fromkeys(answer.reason for answer in answers.values() if answer.reason)
    if len(placements) == 1:
        (placement,) = placements
        return PlacedOperator(index=index, name=node.op_type, placement=placement, reason="; ".join(reasons))
    by_reason = {
        reason: [version for version, answer in answers.items() if answer.reason == reason] for reason in reasons
    }
    words = "; ".join(f"TensorRT {', '.join(versions)}: {reason}" for reason, versions in by_reason.items())
    return PlacedOperator(index=index, name=node.op_type, placement="uncertain", reason=words)


def _refused(reason: str) -> Answer:
    return Answer(placement="refused", reason=reason)

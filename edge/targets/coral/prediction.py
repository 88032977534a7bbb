"""What edgetpu_compiler 16.0 will do to a model: every operator placed, and what stops or hampers it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

from edge.target import Finding, PlacedOperator
from edge.targets.coral.operators import EIGHT_BITS, INNERMOST, judge, perhaps_unreadable, unreadable
from edge.targets.coral.partition import live_operators, mapped_operators
from edge.targets.coral.ruling import MORE_SUBGRAPHS, RANK, Ruling, input_of, output_of
from edge.tflite import Graph, Operator

STOPPED = "the compiler stops at the whole file"
DROPPED = "its result reaches no output of the model, so the compiler drops it"
# Bytes. posenet_mobilenet_v1_075_721_1281 has a result of 11 MB and was compiled; where compilation fails is not known:
# "we can't say any concrete limits [...] as it varies from operation to operation", google-coral/edgetpu #663.
LARGEST_ACTIVATION = 12 * 2**20
# Only name values anew; where the compiler maps nothing else, the Edge TPU has no work.
RELABELLING = frozenset({"EXPAND_DIMS", "QUANTIZE", "RESHAPE", "SQUEEZE"})

# Inputs that decide over the shape of the result: where one is computed, TFLite knows it only when the model runs.
SHAPE_INPUTS: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("BATCH_TO_SPACE_ND", "SLICE", "SPACE_TO_BATCH_ND"), (1, 2)),
    **dict.fromkeys(("BROADCAST_TO", "EXPAND_DIMS", "MEAN", "MIRROR_PAD", "PAD", "PADV2", "REDUCE_MAX"), (1,)),
    **dict.fromkeys(("REDUCE_MIN", "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "SUM", "TILE"), (1,)),
    **dict.fromkeys(("TOPK_V2", "TRANSPOSE"), (1,)),
    **dict.fromkeys(("FILL", "TRANSPOSE_CONV"), (0,)),
    "RANGE": (0, 1, 2),
    "STRIDED_SLICE": (1, 2, 3),
}
WAYS_ROUND: Mapping[str, str] = {
    "CONV_2D": "use a plain or a depthwise convolution instead of a grouped one",
    "TRANSPOSE_CONV": "put its activation into a layer of its own",
    "QUANTIZE": "quantize activations per tensor, not per channel",
}


@dataclass(frozen=True, kw_only=True)
class Prediction:
    operators: tuple[PlacedOperator, ...]
    findings: tuple[Finding, ...]
    mapped: frozenset[int]  # indices of the operators on the Edge TPU


def predict(graph: Graph) -> Prediction:
    """Place every operator of `graph` as compiler 16.0 does, by the rules of `operators` and `partition`."""
    rulings = [judge(graph, operator) for operator in graph.operators]
    mapped = mapped_operators(graph, [ruling.supported for ruling in rulings])
    live = live_operators(graph)
    placed = [
        _place(operator, ruling, operator.index in mapped, operator.index in live)
        for operator, ruling in zip(graph.operators, rulings, strict=True)
    ]
    refusals = [*unreadable_operators(graph), *unreadable_graph(graph)]
    mapped &= live
    if refusals:
        placed = [_stopped(operator, each) for operator, each in zip(graph.operators, placed, strict=True)]
        mapped = frozenset()
    elif all(graph.operators[index].name in RELABELLING for index in mapped):
        refusals = [_nothing_maps(graph, placed, mapped)]
    remarks = [] if refusals else _remarks(graph, placed, mapped)
    findings = [*refusals, *_doubts(graph, rulings, mapped), *remarks]
    return Prediction(operators=tuple(placed), findings=tuple(findings), mapped=mapped)


def unreadable_operators(graph: Graph) -> list[Finding]:
    """Operators that the compiler cannot read; it stops at the whole file on account of one."""
    named = ((operator, unreadable(operator)) for operator in graph.operators)
    return [_refused(str(operator), reason, _way_round(operator)) for operator, reason in named if reason]


def unreadable_graph(graph: Graph) -> list[Finding]:
    """What the compiler cannot take as a whole: external weights, shapes that are not known, floats."""
    findings = []
    outside = [tensor.name for tensor in graph.tensors if tensor.external]
    if outside:
        reason = f"the data of {outside[0]} and {len(outside) - 1} more stand outside the FlatBuffer"
        findings.append(_refused("buffers", reason, "write the file with its weights inside, below 2 GB"))
    for operator in graph.operators:
        for place in SHAPE_INPUTS.get(operator.name, ()):
            deciding = input_of(graph, operator, place)
            if deciding is not None and not deciding.constant:
                reason = "its result has a shape that is known only when the model runs"
                findings.append(_refused(str(operator), reason, "convert the network with a batch of one"))
                break
    if any(length < 0 for tensor in graph.tensors for length in tensor.shape):
        findings.append(_refused("shapes", "are known only when the model runs", "convert with a batch of one"))
    if not any(_quantized(graph, operator) for operator in graph.operators):
        kinds = Counter(tensor.dtype for each in graph.operators for tensor in graph.activations(each))
        found = ", ".join(kind for kind, _ in kinds.most_common(2)) or "nothing"
        reason = f"Model not quantized: its operators compute in {found}"
        findings.append(_refused("model", reason, "quantize weights and activations to 8 bits"))
    return findings


def _place(operator: Operator, ruling: Ruling, mapped: bool, live: bool) -> PlacedOperator:
    placed = PlacedOperator(index=operator.index, name=operator.name, placement="accelerator")
    if not live:
        return replace(placed, reason=DROPPED)
    if not mapped:
        return replace(placed, placement="cpu", reason=ruling.reason or MORE_SUBGRAPHS)
    unknown = perhaps_unreadable(operator)
    return replace(placed, placement="uncertain", reason=unknown) if unknown else placed


def _stopped(operator: Operator, placed: PlacedOperator) -> PlacedOperator:
    reason = unreadable(operator)
    if reason:
        return replace(placed, placement="refused", reason=f"{reason}; {_way_round(operator)}")
    return replace(placed, placement="cpu", reason=STOPPED)


def _doubts(graph: Graph, rulings: list[Ruling], mapped: frozenset[int]) -> list[Finding]:
    """What nobody has evidence for, of operators whose placement hangs on it."""
    doubts = [
        Finding(severity="uncertain", operator=str(operator), reason=ruling.doubt)
        for operator, ruling in zip(graph.operators, rulings, strict=True)
        if ruling.doubt and (operator.index in mapped or not ruling.supported)
    ]
    readable = (operator for operator in graph.operators if not unreadable(operator))
    unknown = {f"{each.name} version {each.version}": perhaps_unreadable(each) for each in readable}
    doubts += [
        Finding(
            severity="uncertain", operator=name, reason=reason, fix="convert with an older TensorFlow, 2.8 or below"
        )
        for name, reason in unknown.items()
        if reason
    ]
    largest = max((_bytes(graph, index) for index in mapped), default=0)
    if largest > LARGEST_ACTIVATION:
        reason = f"the largest result has {largest:,} bytes; compilation may fail on large activation tensors"
        doubts.append(Finding(severity="uncertain", operator="activations", reason=reason, fix="use smaller pictures"))
    if graph.subgraphs > 1:
        reason = f"{graph.subgraphs} subgraphs; only the first is judged"
        doubts.append(Finding(severity="uncertain", operator="control flow", reason=reason))
    return doubts


def _remarks(graph: Graph, placed: list[PlacedOperator], mapped: frozenset[int]) -> list[Finding]:
    remarks = []
    left = [each for each in placed if each.placement == "cpu"]
    if mapped and left:
        reason = f"{len(left)} of {len(placed)} operators stay on the CPU; the first, {left[0].name} #{left[0].index}: "
        fix = _way_to_map(graph, left) or "place unsupported layers last, or take another layer"
        remarks.append(Finding(severity="warning", operator="mapping", reason=reason + left[0].reason, fix=fix))
    if any(graph.tensors[index].dynamic for index in graph.inputs):
        reason = "declares a length that may change; the compiler fixes it at the one that stands in the file"
        remarks.append(Finding(severity="warning", operator="input", reason=reason))
    return remarks


def _nothing_maps(graph: Graph, placed: list[PlacedOperator], mapped: frozenset[int]) -> Finding:
    reasons = Counter(each.reason for each in placed if each.reason)
    reason = "; ".join(f"{count} times {reason}" for reason, count in reasons.most_common(3)) or "no other is there"
    names = ", ".join(sorted({graph.operators[index].name for index in mapped}))
    words = f"no operator runs on the Edge TPU but {names}" if names else "no operator runs on the Edge TPU"
    left = [each for each in placed if each.placement == "cpu"]
    return _refused("mapping", f"{words}: {reason}", _way_to_map(graph, left) or "use another target")


def _way_to_map(graph: Graph, left: list[PlacedOperator]) -> str:
    """How to bring the operators `left` on the CPU to the Edge TPU, by what keeps the first there; empty if unknown."""
    shapes = [graph.tensors[index].shape for index in graph.inputs]
    batched = any(len(shape) > INNERMOST and shape[0] > 1 for shape in shapes)
    if batched and any(each.reason.startswith(RANK) for each in left):
        return "convert the network with a batch of one"
    if left and left[0].name in ("FULLY_CONNECTED", "SOFTMAX"):
        given = output_of(graph, graph.operators[left[0].index])
        if given is not None and prod(given.shape[:-1]) > 1:
            return "use a 1x1 convolution, or one row"
    return ""


def _quantized(graph: Graph, operator: Operator) -> bool:
    return any(tensor.dtype in EIGHT_BITS and tensor.scales for tensor in graph.activations(operator))


def _bytes(graph: Graph, index: int) -> int:
    return max((prod(graph.tensors[each].shape) for each in graph.operators[index].outputs), default=0)


def _way_round(operator: Operator) -> str:
    return WAYS_ROUND.get(operator.name, "use a layer without it, or another target")


def _refused(operator: str, reason: str, fix: str) -> Finding:
    return Finding(severity="refused", operator=operator, reason=reason, fix=fix)

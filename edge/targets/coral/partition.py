"""Which operators form the one piece that runs on the Edge TPU."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.tflite import Graph


@dataclass(frozen=True, kw_only=True)
class Subset:
    """Operators, by index in execution order, that run one after another without one of the other kind between."""

    supported: bool
    operators: tuple[int, ...]


def independent_subsets(graph: Graph, supported: Sequence[bool]) -> tuple[Subset, ...]:
    """The subsets that TFLite hands to a delegate which takes the operators marked in `supported`.

    Follows `PartitionGraphIntoIndependentNodeSubsets` of tensorflow/lite/graph_info.cc: each subset takes every
    operator of its kind that can be reached from what has been computed so far. An operator that waits for a tensor
    which nobody computes is in no subset.
    """
    missing = {index for operator in graph.operators for index in operator.outputs}
    waiting = list(graph.operators)
    subsets: list[Subset] = []
    while waiting:
        kind: bool | None = None
        taken: list[int] = []
        grew = True
        while grew:
            grew = False
            still: list[int] = []
            for place, operator in enumerate(waiting):
                ready = missing.isdisjoint(operator.inputs)
                if ready and kind is None:
                    kind = supported[operator.index]
                if ready and supported[operator.index] == kind:
                    taken.append(operator.index)
                    missing -= set(operator.outputs)
                    grew = True
                else:
                    still.append(place)
            waiting = [waiting[place] for place in still]
        if kind is None:
            break
        subsets.append(Subset(supported=kind, operators=tuple(taken)))
    return tuple(subsets)


def mapped_operators(graph: Graph, supported: Sequence[bool]) -> frozenset[int]:
    """The operators that the compiler maps: the first supported subset alone, all later ones stay on the CPU.

    Source: "More than one subgraph is not supported" in the compiler's log; the rule reproduces every published pair.
    """
    first = next((subset for subset in independent_subsets(graph, supported) if subset.supported), None)
    return frozenset() if first is None else frozenset(first.operators)


def live_operators(graph: Graph) -> frozenset[int]:
    """The operators whose results reach an output of the graph; the compiler drops the others."""
    needed = set(graph.outputs)
    live = set()
    for operator in reversed(graph.operators):
        if not needed.isdisjoint(operator.outputs):
            live.add(operator.index)
            needed |= set(operator.inputs)
    return frozenset(live)

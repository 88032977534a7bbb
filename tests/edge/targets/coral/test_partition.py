from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.targets.coral.partition import independent_subsets, live_operators, mapped_operators
from edge.tflite import Graph, Operator


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Graph, list[bool]]:
    """Acyclic graphs in execution order; operator k writes tensor k + 1 and reads earlier ones; 0 is the input."""
    count = draw(st.integers(1, 14))
    operators = tuple(
        Operator(
            index=index,
            name="ADD",
            code=0,
            version=1,
            inputs=tuple(draw(st.lists(st.integers(-1, index), min_size=1, max_size=3))),
            outputs=(index + 1,),
            options={},
        )
        for index in range(count)
    )
    ends = tuple(draw(st.sets(st.integers(1, count), min_size=1)))
    graph = Graph(tensors=(), operators=operators, inputs=(0,), outputs=ends, subgraphs=1)
    return graph, draw(st.lists(st.booleans(), min_size=count, max_size=count))


@given(graphs())
def test_subsets_hold_every_operator_once(case):
    graph, supported = case
    placed = [index for subset in independent_subsets(graph, supported) for index in subset.operators]
    assert sorted(placed) == list(range(len(graph.operators)))


@given(graphs())
def test_subsets_are_of_one_kind_and_alternate(case):
    graph, supported = case
    subsets = independent_subsets(graph, supported)
    assert all(supported[index] == subset.supported for subset in subsets for index in subset.operators)
    assert all(before.supported != after.supported for before, after in pairwise(subsets))


@given(graphs())
def test_subsets_run_one_after_another_with_what_was_computed_before(case):
    graph, supported = case
    computed = {-1, 0}
    for subset in independent_subsets(graph, supported):
        for index in subset.operators:
            assert set(graph.operators[index].inputs) <= computed
            computed |= set(graph.operators[index].outputs)


@given(graphs())
def test_mapped_operators_are_the_supported_ones_that_wait_for_nothing_unsupported_behind_them(case):
    """By ancestors, where the implementation goes by subsets."""
    graph, supported = case
    before: dict[int, set[int]] = {}
    for operator in graph.operators:
        sources = {index - 1 for index in operator.inputs if index > 0}
        before[operator.index] = sources.union(*(before[source] for source in sources))
    # The first operator decides which kind begins; unsupported ones that begin do not hinder the piece.
    harmless = (
        set() if supported[0] else {k for k in before if not supported[k] and not any(supported[i] for i in before[k])}
    )
    expected = {k for k in before if supported[k] and all(supported[i] or i in harmless for i in before[k])}
    assert mapped_operators(graph, supported) == expected


@given(graphs())
def test_live_operators_are_those_with_a_way_to_an_output(case):
    graph, _ = case
    reads = {operator.index: set(operator.inputs) for operator in graph.operators}

    def reaches(index: int) -> bool:
        return index + 1 in graph.outputs or any(
            index + 1 in reads[later] and reaches(later) for later in reads if later > index
        )

    assert live_operators(graph) == {index for index in reads if reaches(index)}


def test_mapped_operators_after_an_unsupported_one_stay_on_the_cpu_unless_they_do_not_wait_for_it():
    def operator(index, inputs):
        return Operator(index=index, name="ADD", code=0, version=1, inputs=inputs, outputs=(index + 1,), options={})

    # 0 -> 1 (unsupported) -> 2, and 0 -> 3 beside it
    operators = (operator(0, (0,)), operator(1, (1,)), operator(2, (2,)), operator(3, (1,)))
    graph = Graph(tensors=(), operators=operators, inputs=(0,), outputs=(3, 4), subgraphs=1)
    assert mapped_operators(graph, [True, False, True, True]) == {0, 3}


def test_operators_that_wait_for_each_other_are_in_no_subset():
    def operator(index, inputs):
        return Operator(index=index, name="ADD", code=0, version=1, inputs=inputs, outputs=(index + 1,), options={})

    graph = Graph(tensors=(), operators=(operator(0, (2,)), operator(1, (1,))), inputs=(0,), outputs=(2,), subgraphs=1)
    assert independent_subsets(graph, [True, True]) == ()

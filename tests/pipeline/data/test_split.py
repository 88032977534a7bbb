import numpy as np
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.data.dataset import Split
from pipeline.data.source import UNGIVEN
from pipeline.data.split import divide

SHARES = (0.7, 0.2, 0.1)


def ungiven(count: int) -> np.ndarray:
    return np.full(count, UNGIVEN, np.int8)


def test_divide_gives_each_class_its_shares():
    labels = np.repeat(np.arange(3, dtype=np.int32), (100, 10, 1000))
    split = divide(labels, np.arange(1110), ungiven(1110), SHARES, 0)
    counts = [np.bincount(split[labels == label]).tolist() for label in range(3)]
    assert counts == [[70, 20, 10], [7, 2, 1], [700, 200, 100]]


def test_divide_is_fixed_by_its_seed_on_every_machine():
    labels = np.zeros(20, np.int32)
    split = divide(labels, np.arange(20), ungiven(20), SHARES, 3)
    assert split.tolist() == [0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 1, 0, 1, 0, 2, 0, 0, 1, 0]


def test_divide_leaves_a_class_as_it_was_when_another_is_added():
    one = divide(np.zeros(50, np.int32), np.arange(50), ungiven(50), SHARES, 5)
    two = divide(np.repeat([0, 1], 50).astype(np.int32), np.arange(100), ungiven(100), SHARES, 5)
    assert np.array_equal(one, two[:50])


def test_divide_keeps_a_given_test_part_and_divides_the_rest_in_proportion():
    given = np.where(np.arange(100) < 10, np.int8(Split.BLIND_TEST), np.int8(UNGIVEN)).astype(np.int8)
    split = divide(np.zeros(100, np.int32), np.arange(100), given, SHARES, 0)
    assert (split[:10] == Split.BLIND_TEST).all()
    assert np.bincount(split[10:]).tolist() == [70, 20]


def test_divide_keeps_a_given_validation_and_makes_a_blind_test():
    given = np.where(np.arange(100) < 20, np.int8(Split.VALIDATION), np.int8(UNGIVEN)).astype(np.int8)
    split = divide(np.zeros(100, np.int32), np.arange(100), given, SHARES, 0)
    assert np.bincount(split).tolist() == [70, 20, 10]


def test_divide_gives_three_pictures_one_each():
    assert sorted(divide(np.zeros(3, np.int32), np.arange(3), ungiven(3), SHARES, 0)) == [0, 1, 2]


@settings(max_examples=60, deadline=None)
@drawn(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=200),
    st.integers(0, 2**31 - 1),
)
def test_divide_keeps_every_group_together_and_loses_no_picture(pairs, seed):
    labels = np.array([label for label, _ in pairs], np.int32)
    groups = np.array([group for _, group in pairs], np.int64)
    split = divide(labels, groups, ungiven(len(pairs)), SHARES, seed)
    assert set(split.tolist()) <= {0, 1, 2}
    for group in set(groups.tolist()):
        assert len(set(split[groups == group].tolist())) == 1

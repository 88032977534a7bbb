import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.dataset import Samples
from pipeline.training.batches import Order, stream


@given(st.integers(1, 200), st.integers(1, 64), st.integers(0, 5))
def test_epoch_shows_no_sample_twice(count: int, batch_size: int, seed: int) -> None:
    order = Order(count, batch_size, seed)
    seen = np.concatenate([order.batch(step) for step in range(order.steps_per_epoch)])
    assert len(seen) == len(set(seen.tolist())) >= count - batch_size + 1
    assert set(seen.tolist()) <= set(range(count))


@given(st.integers(1, 100), st.integers(1, 32), st.permutations(range(12)))
def test_batch_depends_on_its_step_alone(count: int, batch_size: int, steps: list[int]) -> None:
    forward, shuffled = Order(count, batch_size, 3), Order(count, batch_size, 3)
    expected = {step: forward.batch(step).tolist() for step in range(12)}
    assert {step: shuffled.batch(step).tolist() for step in steps} == expected


def test_epochs_differ() -> None:
    order = Order(50, 50, 0)
    assert order.batch(0).tolist() != order.batch(1).tolist()


def test_stream_going_on_gives_the_same_batches() -> None:
    images = np.arange(40, dtype=np.uint8).reshape(40, 1, 1, 1)
    samples = Samples(
        images=images,
        labels=np.arange(0, 40, 2, dtype=np.int32),
        index=np.arange(0, 40, 2),
        names=tuple(map(str, range(20))),
    )
    whole = list(stream(samples, Order(20, 6, 1), 0, 9))
    rest = list(stream(samples, Order(20, 6, 1), 5, 9))
    assert len(whole) == 9
    for (pictures, labels, step), expected in zip(rest, whole[5:], strict=True):
        np.testing.assert_array_equal(pictures, expected[0])
        np.testing.assert_array_equal(pictures[:, 0, 0, 0], labels)
        assert step == expected[2]

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tritonclient.utils import deserialize_bytes_tensor

from serving.protocol_v2.answer import classify
from serving.protocol_v2.tensors import bytes_tensor

LABELS = ("cat", "dog: large", "Вова", "")

values = arrays(np.float32, st.tuples(st.integers(1, 3), st.just(4)), elements=st.floats(-1e6, 1e6, width=32))


@given(values, st.integers(1, 4))
def test_classification_lists_the_highest_values_exactly(rows: np.ndarray, classes: int) -> None:
    texts = np.array(classify(rows, classes, LABELS), object).reshape(len(rows), classes)
    for row, listed in zip(rows, texts, strict=True):
        parts = [text.split(":", 2) for text in listed]
        assert [np.float32(value) for value, _, _ in parts] == sorted(row, reverse=True)[:classes]
        assert all(row[int(index)] == np.float32(value) for value, index, _ in parts)
        assert all(LABELS[int(index)] == label for _, index, label in parts)


def test_first_of_equal_labels_comes_first() -> None:
    assert classify(np.ones((1, 4), np.float32), 2, LABELS) == ["1.0:0:cat", "1.0:1:dog: large"]


@given(st.lists(st.text(), min_size=1))
def test_bytes_tensor_is_read_by_triton(texts: list[str]) -> None:
    assert [each.decode() for each in deserialize_bytes_tensor(bytes_tensor(texts))] == texts


@given(arrays(np.float32, st.integers(1, 8), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_numbers_of_json_come_back_to_the_bit(array: np.ndarray) -> None:
    text = orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY)
    np.testing.assert_array_equal(np.array(orjson.loads(text), np.float32), array)

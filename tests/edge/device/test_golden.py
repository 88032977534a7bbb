from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.device.errors import BadArtifact, ProofFailed
from edge.device.golden import NAME, Golden, check_golden, read_golden, write_golden

GOLDEN = Golden(
    inputs=np.arange(32, dtype=np.uint8).reshape(2, 4, 4, 1),
    outputs=np.array([[1, 2, 3], [4, 5, 6]], np.float32),
    tolerance=0.25,
)


def test_golden_vectors_come_back_as_written(tmp_path: Path) -> None:
    write_golden(tmp_path, GOLDEN)
    back = read_golden(tmp_path)
    np.testing.assert_array_equal(back.inputs, GOLDEN.inputs)
    np.testing.assert_array_equal(back.outputs, GOLDEN.outputs)
    assert back.tolerance == GOLDEN.tolerance


@pytest.mark.parametrize("shift", [0.0, 0.25, -0.25])
def test_answers_within_the_tolerance_pass(shift: float) -> None:
    check_golden(GOLDEN, lambda _: GOLDEN.outputs + np.float32(shift), "litert")


@pytest.mark.parametrize("wrong", [0.5, np.nan])
def test_answer_beyond_the_tolerance_names_the_vector_and_the_difference(wrong: float) -> None:
    answers = GOLDEN.outputs.copy()
    answers[1, 2] += wrong
    with pytest.raises(ProofFailed, match=f"golden vector 1 differs by {wrong:g}, at most 0.25"):
        check_golden(GOLDEN, lambda _: answers, "litert")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)])
def test_damaged_golden_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(BadArtifact, match="no golden vectors"):
        read_golden(tmp_path)


@given(places=st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_damaged_vectors_are_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, places: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    write_golden(folder, GOLDEN)
    content = bytearray((folder / NAME).read_bytes())
    for place, value in places:
        content[place % len(content)] = value
    (folder / NAME).write_bytes(bytes(content))
    try:
        read_golden(folder)
    except BadArtifact as error:
        assert NAME in str(error)

"""What is wrong with labels is told by their names."""

import pytest

from pipeline.report.integrity.labels import label_differences

CLASSES = ("cat", "dog", "bird")


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (("cat", "dog", "bird"), []),
        (("cat", "bird", "dog"), ["labels 'dog' and 'bird' are swapped"]),
        (("cat", "dog", "fish"), ["label 2 is 'fish', the data set has 'bird'"]),
        (("cat", "dog"), ["2 labels, the data set has 3 classes"]),
    ],
)
def test_label_differences_name_what_differs(labels: tuple[str, ...], words: list[str]) -> None:
    assert label_differences(labels, CLASSES) == words


def test_label_differences_of_a_rotation_name_every_label() -> None:
    assert len(label_differences(("dog", "bird", "cat"), CLASSES)) == 3

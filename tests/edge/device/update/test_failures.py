"""What a device could not run is remembered for as long as it has to be."""

from pathlib import Path

import pytest

from edge.device.errors import BadArtifact
from edge.device.slots import Root
from edge.device.update import failures


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(path=tmp_path)


def test_failure_is_remembered_until_it_is_forgotten(root: Root) -> None:
    failures.begin(root, "one")
    assert failures.failed(root) == {}
    failures.remember(root, "one", "failed here: vector 3")
    failures.remember(root, "two", "somebody went back from it")
    assert failures.failed(root) == {"one": "failed here: vector 3", "two": "somebody went back from it"}
    failures.forget(root, "one")
    failures.forget(root, "never seen")
    assert failures.failed(root) == {"two": "somebody went back from it"}


def test_attempts_without_an_end_are_given_up(root: Root) -> None:
    for _ in range(2):
        failures.begin(root, "one")
    assert failures.failed(root) == {}
    failures.begin(root, "one")
    assert failures.failed(root) == {"one": "its installation was cut off 3 times"}


@pytest.mark.parametrize("content", ["", "[]", '{"format": 2, "files": {}}', '{"format": 1, "files": {"one": {}}}'])
def test_damaged_file_is_named_with_the_remedy(root: Root, content: str) -> None:
    root.updates.mkdir()
    (root.updates / "failed.json").write_text(content)
    with pytest.raises(BadArtifact, match=r"failed\.json.*delete .*failed\.json, and every version may be tried again"):
        failures.failed(root)

"""policy.json: what is written is read back, and nothing else is taken."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.device.errors import BadRepository
from edge.device.update.policy import Policy, as_json, policy_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VERSIONS = st.sampled_from(["1.0.0", "1.2.0-rc.1"])
POLICIES = st.builds(
    Policy,
    rollout=st.dictionaries(TEXT, st.integers(0, 100) | st.floats(0, 100)),
    halted=st.lists(TEXT, unique=True).map(lambda names: tuple(sorted(names))),
    pins=st.dictionaries(TEXT, st.dictionaries(TEXT, VERSIONS)),
)


@given(POLICIES)
def test_policy_is_read_back_as_it_was_written(policy: Policy) -> None:
    assert policy_of(as_json(policy)) == policy
    assert as_json(policy_of(as_json(policy))) == as_json(policy)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("rollout", {"f": 101}, "a percentage, 0 to 100, by file"),
        ("rollout", {"f": True}, "a percentage"),
        ("rollout", [25], "a percentage"),
        ("halted", "f", "a list of files"),
        ("halted", [1], "a list of files"),
        ("pins", {"d": "1.0.0"}, "versions by name, by device"),
        ("pins", {"d": {"tiny": "newest"}}, "versions by name"),
        ("pins", {"d": {"tiny": 1}}, "versions by name"),
        ("format", 2, "format 2, this runner reads 1; update the runner first"),
    ],
)
def test_field_that_holds_what_it_cannot_is_named(field: str, value: Any, expected: str) -> None:
    with pytest.raises(BadRepository, match=expected):
        policy_of(json.dumps({"format": 1, field: value}).encode())


@given(
    st.binary()
    | st.recursive(st.none() | st.floats() | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)).map(
        lambda value: json.dumps(value).encode()
    )
)
def test_anything_else_is_refused_and_crashes_nothing(content: bytes) -> None:
    with pytest.raises(BadRepository):
        policy_of(content)

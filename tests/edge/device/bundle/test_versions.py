import itertools

import pytest

from edge.device.bundle.versions import dotted_key, version_key
from edge.device.errors import BadBundle

# Section 11 of Semantic Versioning 2.0.0, in its own order.
IN_ORDER = [
    *("1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1"),
    *("1.0.0", "2.0.0", "2.1.0", "2.1.1", "10.0.0"),
]


def test_versions_are_ordered_as_the_specification_says() -> None:
    for older, newer in itertools.combinations(IN_ORDER, 2):
        assert version_key(older) < version_key(newer)


@pytest.mark.parametrize(
    "version", ["", "1", "1.2", "01.2.3", "1.2.3.4", "1.2.3-", "v1.2.3", "1.2.3\n", "1.2.٣", "9" * 12 + ".0.0"]
)
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(BadBundle, match=r"expected MAJOR\.MINOR\.PATCH"):
        version_key(version)


@pytest.mark.parametrize(
    ("version", "key"), [("2.1.0rc1", (2, 1, 0)), ("3.9", (3, 9)), ("1.22.0+cu12", (1, 22, 0)), ("x", ())]
)
def test_dotted_numbers_lead_any_version(version: str, key: tuple[int, ...]) -> None:
    assert dotted_key(version) == key

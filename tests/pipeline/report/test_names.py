"""Names that are cut for drawings."""

import pytest

from pipeline.report.names import shorten


@pytest.mark.parametrize(
    ("name", "shown"), [("", ""), ("tulip", "tulip"), ("chrysanthe", "chrysanthe"), ("chrysanthem", "chrysanth…")]
)
def test_name_is_cut_only_where_it_is_longer(name: str, shown: str) -> None:
    assert shorten(name, 10) == shown

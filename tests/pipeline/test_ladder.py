import pytest

from edge.target import Precision
from pipeline.ladder import plan

RUNGS: tuple[Precision, ...] = ("int8-ptq", "int8-qat", "float16", "float32")


@pytest.mark.parametrize(
    ("aware", "expected"),
    [
        (True, ("int8-qat", "float16", "float32")),
        (False, ("int8-ptq", "float16", "float32")),
        ("auto", RUNGS),
    ],
)
def test_plan_leaves_out_what_the_recipe_rules_out(aware: bool | str, expected: tuple[str, ...]) -> None:
    assert plan(RUNGS, aware) == expected  # type: ignore[arg-type]

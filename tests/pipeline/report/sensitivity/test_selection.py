"""How far along the selective path a target would go, and why not less far."""

from pathlib import Path

from pipeline.recipe import Recipe, load_recipe
from pipeline.report.sensitivity.facts import Form
from pipeline.report.sensitivity.selection import choices
from pipeline.statistics import Pairs

ROOT = Path(__file__).resolve().parents[4]


def recipe(*settings: str) -> Recipe:
    return load_recipe(ROOT / "recipes" / "digits.toml", ('export.targets=["cpu", "coral"]', *settings))


def form(count: int, size: int, latency: float = 0.1) -> Form:
    return Form(
        name=f"int8, {count} layers float" if count else "int8-ptq",
        precision="int8-selective" if count else "int8-ptq",
        layers_float=count,
        samples=1000,
        top1=0.9,
        drop=0.0,
        drop_interval=(0.0, 0.0),
        bytes=size,
        latency_ms=latency,
        shipped_as=(),
        front=False,
        beaten_by=(),
    )


PATH = (form(0, 100), form(1, 120), form(2, 150), form(4, 200))
LOST = {"int8-ptq": 30, "int8, 1 layers float": 20, "int8, 2 layers float": 5, "int8, 4 layers float": 1}
PAIRS = {name: Pairs(count=1000, lost=lost, gained=0) for name, lost in LOST.items()}


def test_the_fewest_float_layers_that_hold_are_chosen() -> None:
    (chosen,) = choices(recipe("quantize.budget=0.01"), PATH, PAIRS)  # coral's ladder has no such rung
    assert (chosen.target, chosen.layers_float) == ("cpu", 2)
    assert "loses 3.00 points" in chosen.words
    assert "loses 2.00 points" in chosen.words


def test_a_selection_over_a_limit_is_refused_in_words() -> None:
    (chosen,) = choices(recipe("quantize.budget=0.01", "export.limits.cpu.bytes=140"), PATH, PAIRS)
    assert chosen.layers_float is None
    assert "int8, 2 layers float: takes 150 bytes, 140 are allowed" in chosen.words


def test_a_selection_that_is_too_slow_is_passed_over() -> None:
    path = (*PATH[:2], form(2, 150, latency=0.4), form(4, 200, latency=0.2))
    (chosen,) = choices(recipe("quantize.budget=0.01", "export.limits.cpu.latency_ms=0.3"), path, PAIRS)
    assert chosen.layers_float == 4
    assert "int8, 2 layers float: takes 0.400 ms" in chosen.words


def test_nothing_is_given_back_where_int8_holds() -> None:
    (chosen,) = choices(recipe("quantize.budget=0.05"), PATH, PAIRS)
    assert chosen.layers_float == 0
    assert "nothing has to be given back" in chosen.words


def test_a_path_without_int8_ptq_claims_nothing_about_it() -> None:
    (chosen,) = choices(recipe("quantize.budget=0.05"), PATH[1:], PAIRS)
    assert chosen.layers_float == 1
    assert "nothing has to be given back" not in chosen.words
    assert chosen.words.startswith("int8, 1 layers float is the first step that holds; int8 after training itself")


def test_steps_that_fail_are_named_where_the_path_has_no_int8_ptq() -> None:
    (chosen,) = choices(recipe("quantize.budget=0.01"), PATH[1:], PAIRS)
    assert chosen.layers_float == 2
    assert "int8, 1 layers float: loses 2.00 points" in chosen.words


def test_a_target_s_own_budget_counts() -> None:
    (chosen,) = choices(recipe("quantize.budget=0.05", "export.limits.cpu.budget=0.002"), PATH, PAIRS)
    assert (chosen.budget, chosen.layers_float) == (0.002, 4)

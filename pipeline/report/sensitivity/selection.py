"""How far along the selective path each target would go."""

from collections.abc import Mapping, Sequence

from edge.targets import TARGETS
from pipeline.budget import judge_pairs
from pipeline.recipe import Limits, Recipe
from pipeline.report.sensitivity.facts import Choice, Form
from pipeline.statistics import Pairs


def choices(recipe: Recipe, forms: Sequence[Form], pairs: Mapping[str, Pairs]) -> tuple[Choice, ...]:
    """For each target of the recipe whose ladder has int8-selective, the fewest float layers that hold its budget and
    limits. `pairs`: by name of the form, what float and it got right."""
    path = sorted((form for form in forms if form.layers_float is not None), key=lambda form: form.layers_float or 0)
    test = recipe.quantize.budget_test
    chosen = []
    for target in recipe.export.targets:
        if "int8-selective" not in TARGETS[target].RUNGS or not path:
            continue
        budget, limits = recipe.budget(target), recipe.limits(target)
        refused = []
        for form in path:
            loss = judge_pairs(pairs[form.name], budget, test)
            why = loss.words("validation") if not loss.holds else _over(form, limits)
            if not why:
                break
            refused.append(f"{form.name}: {why}")
        held = None if len(refused) == len(path) else path[len(refused)]
        words = _words(held, refused)
        count = None if held is None else held.layers_float
        chosen.append(Choice(target=target, budget=budget, layers_float=count, words=words))
    return tuple(chosen)


def _over(form: Form, limits: Limits) -> str:
    """Which limit of the recipe the form breaks; empty where it keeps them."""
    if limits.bytes is not None and form.bytes > limits.bytes:
        return f"takes {form.bytes:,} bytes, {limits.bytes:,} are allowed"
    if limits.latency_ms is not None and form.latency_ms > limits.latency_ms:
        return f"takes {form.latency_ms:.3f} ms a picture in LiteRT here, {limits.latency_ms:g} are allowed"
    return ""


def _words(held: Form | None, refused: Sequence[str]) -> str:
    told = "; ".join(refused)
    if held is None:
        return f"no step of the path holds: {told}"
    if held.layers_float:  # the path begins with 0 layers where that could be made
        why = told or "int8 after training itself could not be made"
        return f"{held.name} is the first step that holds; {why}"
    return "nothing has to be given back: int8 after training holds the budget and the limits as it is"

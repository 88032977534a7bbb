"""The forms of a finished run: which selective form is taken, and what is made only once."""

from pathlib import Path

import numpy as np
import pytest

from edge.device.errors import BadArtifact, ConversionFailed
from edge.tflite import read_graph
from pipeline.data.dataset import Split, load_dataset
from pipeline.data.source import silent
from pipeline.evaluation import float_logits
from pipeline.form_store import FormStore
from pipeline.isolate import Child
from pipeline.recipe import Recipe, load_recipe

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def recipe(quick_digits: tuple[str, ...]) -> Recipe:
    return load_recipe(ROOT / "recipes" / "digits.toml", quick_digits[1::2])


@pytest.fixture(scope="module")
def store(finished_run: Path, recipe: Recipe):
    with Child() as child:
        yield FormStore(recipe, finished_run, child, silent)


def test_selective_forms_leave_the_ranked_layers_float_one_after_the_other(store: FormStore) -> None:
    path = store.selective()
    ranked = tuple(layer.name for layer in path.layers)
    assert path.forms
    for form in path.forms:
        assert form.left_float == ranked[: len(form.left_float)]
        floats = {tensor.name for tensor in read_graph(form.file).tensors if tensor.dtype == "FLOAT32"}
        assert floats >= set(form.left_float)


def test_the_form_with_the_fewest_float_layers_that_hold_is_taken(store: FormStore, finished_run: Path) -> None:
    labels = load_dataset(finished_run / "data").part(Split.VALIDATION).labels
    taken = store.file("int8-selective", 1.0)
    assert taken == store.selective().forms[0].file
    right = np.count_nonzero(store.validation_logits("int8-selective", 1.0).argmax(1) == labels)
    before = np.count_nonzero(float_logits(finished_run / "train").validation.argmax(1) == labels)
    drop = (before - right) / len(labels)
    assert store.file("int8-selective", drop) == taken


def test_a_budget_that_no_selection_holds_is_refused_with_what_each_lost(store: FormStore) -> None:
    counts = "; ".join(f"with {len(form.left_float)} left float .*" for form in store.selective().forms)
    with pytest.raises(ConversionFailed, match=f"no selection of float layers holds: of .* layers, {counts}"):
        store.file("int8-selective", -1.0)


def test_selective_forms_are_made_once(store: FormStore, finished_run: Path, recipe: Recipe) -> None:
    before = store.selective()
    written = [form.file.stat().st_mtime_ns for form in before.forms]
    with Child() as child:
        assert FormStore(recipe, finished_run, child, silent).selective() == before
    assert [form.file.stat().st_mtime_ns for form in before.forms] == written


def test_a_damaged_path_is_refused_by_name(store: FormStore) -> None:
    kept = store.selective().forms[0].file.with_name("path.json")
    content = kept.read_text()
    kept.write_text('{"layers": 1}')
    try:
        with pytest.raises(BadArtifact, match=r"path\.json"):
            store.selective()
    finally:
        kept.write_text(content)


def test_training_free_int8_is_there_for_comparison_where_the_recipe_leaves_it_out(
    store: FormStore, recipe: Recipe
) -> None:
    assert recipe.quantize.aware is True
    assert read_graph(store.file("int8-ptq", 0.0)).output.dtype == "UINT8"

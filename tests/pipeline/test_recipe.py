import json
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import get_args

import pytest

from edge.device.bundle.versions import version_key
from edge.device.errors import BadRecipe
from edge.targets import TARGETS
from models import MODELS
from pipeline.recipe import Model, TargetName, load_recipe

GOOD = """
name = "toy"
[data]
source = "digits"
[model]
name = "cnn"
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "toy.toml"
    path.write_text(text)
    return path


def test_recipe_is_frozen(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, GOOD))
    with pytest.raises(FrozenInstanceError):
        recipe.train.epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("[train]\nepoch = 3", "train.epoch: unknown key; did you mean train.epochs?"),
        ("[train.augment]\nflp = true", "train.augment.flp: unknown key; did you mean train.augment.flip?"),
        ("[nonsense]\na = 1", "nonsense: unknown key"),
        ("[train]\nbatch_size = 0", "train.batch_size: received 0"),
        ("[train]\nlearning_rate = -1", "train.learning_rate: received -1"),
        ('[train]\noptimizer = "adm"', "train.optimizer: received 'adm', expected 'sgd'"),
        ("[quantize]\nbudget = 2", "quantize.budget: received 2"),
        ('[export]\ntargets = ["toaster"]', "received 'toaster', expected 'cpu', 'coral', "),
        ("[export]\ntargets = []", "export.targets: received []"),
    ],
)
def test_bad_key_or_value_is_named(tmp_path: Path, section: str, words: str) -> None:
    with pytest.raises(BadRecipe) as caught:
        load_recipe(write(tmp_path, GOOD + section))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("split = [0.7, 0.2, 0.2]", "data.split: the shares add up to 1.1; expected 1"),
        ("split = [0.8, 0.2, 0.0]", "data.split: each of training, validation and blind test needs a share"),
        ('url = "https://example.org/a.zip"', "url needs sha256"),
        ("image_size = 2", "data.image_size: received 2"),
        ("seed = -1", "data.seed: received -1"),
    ],
)
def test_bad_data_section_is_named(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(BadRecipe) as caught:
        load_recipe(write(tmp_path, GOOD.replace('source = "digits"', f'source = "digits"\n{line}')))
    assert words in str(caught.value)


def test_missing_section_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match=r"model: missing"):
        load_recipe(write(tmp_path, 'name = "toy"\n[data]\nsource = "digits"\n'))


@pytest.mark.parametrize("text", ["name = ", "\x00", "[data\n"])
def test_text_that_is_not_toml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadRecipe, match="not TOML"):
        load_recipe(write(tmp_path, text))


def test_missing_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match="not there"):
        load_recipe(tmp_path / "none.toml")


def test_override_takes_toml_values_and_bare_words(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, GOOD), ("train.epochs=3", "train.optimizer=sgd", 'export.targets=["cpu"]'))
    assert (recipe.train.epochs, recipe.train.optimizer, recipe.export.targets) == (3, "sgd", ("cpu",))


@pytest.mark.parametrize("override", ["train.epochs", "=3", "name.x=1"])
def test_malformed_override_is_refused(tmp_path: Path, override: str) -> None:
    with pytest.raises(BadRecipe, match="--set"):
        load_recipe(write(tmp_path, GOOD), (override,))


def test_paths_are_relative_to_the_recipe(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, GOOD.replace("digits", 'images"\nroot = "photos')))
    assert recipe.data.root == tmp_path / "photos"


def test_names_in_the_schema_are_those_of_the_code() -> None:
    named = get_args(get_args(Model.__dataclass_fields__["name"].type)[0])
    assert set(named) == set(MODELS)
    assert set(get_args(TargetName)) == set(TARGETS)


@pytest.mark.parametrize("version", ["0.0.0", "1.2.0", "10.20.30", "1.2.0-rc.1", "1.0.0-0.a-b"])
def test_version_is_a_semantic_one_that_devices_read(tmp_path: Path, version: str) -> None:
    recipe = load_recipe(write(tmp_path, f'version = "{version}"\n{GOOD}'))
    assert recipe.version == version
    assert version_key(version) >= version_key("0.0.0-0")


def test_version_is_the_first_where_the_recipe_has_none(tmp_path: Path) -> None:
    assert load_recipe(write(tmp_path, GOOD)).version == "0.1.0"


@pytest.mark.parametrize("version", ["", "1", "1.2", "v1.2.0", "01.2.0", "1.2.0-", "1.2.0\n", "1.2.0-" + "a" * 60])
def test_version_of_another_form_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(BadRecipe, match=r"version: received '.*', expected MAJOR\.MINOR\.PATCH"):
        load_recipe(write(tmp_path, f"version = {json.dumps(version)}\n{GOOD}"))

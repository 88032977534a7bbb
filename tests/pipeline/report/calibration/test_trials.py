"""The network converted with other calibration sets."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import tf_keras as keras

from models.pixels import with_pixels
from pipeline.form_store import FormStore
from pipeline.forms import input_quantization
from pipeline.report.calibration.trials import right_answers, run_trials
from pipeline.report.inspection import Inspection
from pipeline.subset import at_most


def test_a_layer_that_stays_float_in_the_recipe_s_own_form_may_in_a_trial(
    inspection: Inspection, tmp_path: Path
) -> None:
    (tmp_path / "data").symlink_to(inspection.run / "data")
    (tmp_path / "train").mkdir()
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, activation="elu")(inputs)  # ELU has no integer kernel
    core = keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(x)))
    scale, zero_point = input_quantization(inspection.recipe.model)
    with_pixels(core, scale, -zero_point * scale).save(tmp_path / "train" / "model.keras")
    other, validation = replace(inspection, run=tmp_path), at_most(inspection.validation, 20)
    assert not other.recipe.quantize.allow_float_layers
    own = FormStore(other.recipe, tmp_path, other.child, other.report).file("int8-ptq", 1.0)
    right = right_answers(other, own, validation, "int8-ptq")
    (trial,) = run_trials(other, [(20, 1)], validation, np.ones(20, bool), right)
    assert trial.samples == 20

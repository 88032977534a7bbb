"""The forms of a run, where some of them cannot be made."""

from dataclasses import replace
from pathlib import Path

import tf_keras as keras

from models.pixels import with_pixels
from pipeline.forms import input_quantization
from pipeline.report.inspection import Inspection
from pipeline.report.sensitivity.candidates import gather


def test_forms_that_cannot_be_made_are_named_and_the_others_stay(inspection: Inspection, tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(inspection.run / "data")
    (tmp_path / "train").mkdir()
    inputs = keras.Input((10, 10, 1))  # the pictures have 8 x 8, so that none can be calibrated with
    core = keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(inputs)))
    scale, zero_point = input_quantization(inspection.recipe.model)
    with_pixels(core, scale, -zero_point * scale).save(tmp_path / "train" / "model.keras")
    found = gather(replace(inspection, run=tmp_path))
    assert [form.name for form in found.forms] == ["float16", "float32"]
    assert set(found.missing) == {"int8-ptq", "int8-qat", "int16x8", "int8-selective"}
    for name in ("int8-ptq", "int16x8", "int8-selective"):
        assert "expected uint8 pictures of (10, 10, 1)" in found.missing[name]

"""What every target's module keeps to."""

import hashlib

import numpy as np
import pytest

from edge.device.errors import BadModel
from edge.runtimes import RUNTIMES, open_runtime
from edge.targets import TARGETS
from edge.tflite import read_graph

# The fpga target's convert takes minutes of synthesis: tests/edge/targets/fpga/test_flow.py holds it to the same.
FASTEST = [(name, precision) for name in TARGETS if name != "fpga" for precision in TARGETS[name].RUNGS[:2]]
OF_TFLITE = [name for name in TARGETS if "int8-ptq" in TARGETS[name].RUNGS]


@pytest.fixture
def form_of(tflite_of, saved_model_of):
    """The form of a network by its name and precision: what a target's convert takes."""
    return lambda name, precision: saved_model_of(name) if precision == "bfloat16" else tflite_of(name, precision)


@pytest.mark.parametrize(("name", "precision"), FASTEST)
def test_convert_writes_files_that_their_runtimes_execute(name, precision, form_of, pictures_of, tmp_path):
    artifact = TARGETS[name].convert(form_of("cnn", precision), None, tmp_path)
    assert (artifact.target, artifact.precision, artifact.folder) == (name, precision, tmp_path)
    pictures = pictures_of("cnn", 40)
    logits = TARGETS[name].run(artifact, pictures)
    assert (logits.shape, logits.dtype) == ((40, 10), np.float32)
    first = artifact.files[0]
    reference = open_runtime(first.runtimes[0], tmp_path / first.file, layout=artifact.layout)
    np.testing.assert_array_equal(reference.run(pictures), logits)
    for model in artifact.files:
        assert hashlib.sha256((tmp_path / model.file).read_bytes()).hexdigest() == model.sha256
        assert set(model.runtimes) <= set(RUNTIMES)


@pytest.mark.parametrize(("name", "precision"), FASTEST)
def test_check_of_a_fitting_model_refuses_nothing(name, precision, form_of):
    assert TARGETS[name].check(form_of("resnet8", precision), None).refusals == []


@pytest.mark.parametrize("name", TARGETS)
def test_check_of_a_text_file_is_refused(name, tmp_path):
    (tmp_path / "notes.txt").write_text("no model at all")
    with pytest.raises(BadModel, match=r"no .*[mM]odel"):
        TARGETS[name].check(tmp_path / "notes.txt", None)


@pytest.mark.parametrize("name", OF_TFLITE)
def test_convert_of_a_model_with_float_input_is_refused(name, tmp_path):
    import tensorflow as tf

    function = tf.function(lambda x: tf.reduce_mean(x, axis=[1, 2]))
    concrete = function.get_concrete_function(tf.TensorSpec([None, 8, 8, 3], tf.float32))
    path = tmp_path / "float.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert())
    assert read_graph(path).input.dynamic
    with pytest.raises(BadModel, match=r"input: is FLOAT32.*shapes: are known only when the model runs"):
        TARGETS[name].convert(path, None, tmp_path)

"""The bfloat16 SavedModel, held against the float network in LiteRT; XLA's word on others' SavedModels."""

import numpy as np
import pytest
import tensorflow as tf

from edge.device.errors import BadArtifact, BadModel
from edge.runtimes import open_runtime
from edge.targets import tpu


def _save(folder, function, *specification, signature="serving_default"):
    module = tf.Module()
    module.call = tf.function(function, input_signature=specification)
    tf.saved_model.save(module, str(folder), signatures={signature: module.call})
    return folder


@pytest.mark.parametrize("network", ["cnn", "resnet8"])
def test_answers_are_floats_with_eight_bits_of_mantissa(network, saved_model_of, tflite_of, pictures_of, tmp_path):
    artifact = tpu.convert(saved_model_of(network), None, tmp_path)
    pictures = pictures_of(network, 100)
    found = tpu.run(artifact, pictures)
    exact = open_runtime("litert-reference", tflite_of(network, "float32")).run(pictures)
    error = np.abs(found - exact).max() / np.ptp(exact)
    assert 2**-14 < error < 2**-6  # rounded, but to bfloat16
    assert (found.argmax(1) == exact.argmax(1)).mean() > 0.95


def test_the_signature_takes_bytes_in_any_batch_and_gives_float32(saved_model_of, pictures_of):
    signature = tf.saved_model.load(str(saved_model_of("cnn"))).signatures["serving_default"]
    (image,) = signature.structured_input_signature[1].values()
    assert (image.name, image.dtype, image.shape.as_list()) == ("image", tf.uint8, [None, 28, 28, 1])
    assert {name: each.dtype for name, each in signature.structured_outputs.items()} == {"logits": tf.float32}
    kinds = {(node.op, node.attr["T"].type) for function in signature.graph.as_graph_def().library.function
             for node in function.node_def}  # fmt: skip
    assert ("Conv2D", tf.bfloat16.as_datatype_enum) in kinds
    runtime, pictures = open_runtime("tensorflow", saved_model_of("cnn")), pictures_of("cnn", 70)
    one_by_one = np.concatenate([runtime.run(picture[np.newaxis]) for picture in pictures])
    np.testing.assert_allclose(runtime.run(pictures), one_by_one, atol=0.05)


def test_every_file_of_the_saved_model_is_in_the_artifact(saved_model_of, tmp_path):
    artifact = tpu.convert(saved_model_of("cnn"), None, tmp_path)
    files = {path.relative_to(tmp_path).as_posix() for path in (tmp_path / "saved_model").rglob("*") if path.is_file()}
    assert {each.file for each in artifact.files} == files
    assert (artifact.files[0].file, artifact.files[0].runtimes) == ("saved_model/saved_model.pb", ("tensorflow",))
    assert "TPUStrategy" in (tmp_path / "DEVICE.md").read_text()


def test_check_places_operators_and_leaves_the_tpu_itself_uncertain(saved_model_of):
    verdict = tpu.check(saved_model_of("cnn"), None)
    assert (verdict.fits, verdict.refusals) == ("uncertain", [])
    assert sum(each.name == "Conv2D" and each.placement == "accelerator" for each in verdict.operators) == 4


def test_check_names_operators_without_an_xla_kernel(tmp_path):
    pictures = tf.TensorSpec((None, 8, 8, 3), tf.uint8)
    folder = _save(
        tmp_path / "m", lambda x: tf.strings.length(tf.io.encode_base64(tf.io.serialize_tensor(x))), pictures
    )
    verdict = tpu.check(folder, None)
    assert verdict.fits == "no"
    refused = {each.name: each.reason for each in verdict.operators if each.placement == "refused"}
    assert set(refused) == {"SerializeTensor", "EncodeBase64", "StringLength"}


def test_check_refuses_a_result_whose_length_depends_on_the_values(tmp_path):
    pictures = tf.TensorSpec((None, 4), tf.float32)
    folder = _save(
        tmp_path / "m", lambda x: tf.nn.relu(tf.reshape(tf.range(tf.cast(x[0, 0], tf.int32)), [-1, 1])), pictures
    )
    verdict = tpu.check(folder, None)
    assert verdict.fits == "no"
    assert any("must be a compile-time constant" in reason for reason in verdict.refusals)


def test_check_refuses_a_picture_of_free_size(tmp_path):
    folder = _save(tmp_path / "m", lambda x: tf.cast(x, tf.float32), tf.TensorSpec((None, None, None, 3), tf.uint8))
    assert any("every length but the batch" in reason for reason in tpu.check(folder, None).refusals)


def test_convert_of_a_model_with_float_input_is_refused(tmp_path):
    folder = _save(tmp_path / "m", lambda x: tf.reduce_mean(x, axis=[1, 2]), tf.TensorSpec((None, 8, 8, 3), tf.float32))
    with pytest.raises(BadModel, match=r"its input is float32 \[None, 8, 8, 3\], expected uint8"):
        tpu.convert(folder, None, tmp_path)


def test_what_is_no_saved_model_is_refused(tmp_path, saved_model_of):
    (tmp_path / "notes.txt").write_text("no model at all")
    for path in (tmp_path, tmp_path / "notes.txt", tmp_path / "absent"):
        with pytest.raises(BadModel, match="no SavedModel"):
            tpu.check(path, None)
    graph = (saved_model_of("cnn") / "saved_model.pb").read_bytes()
    (tmp_path / "saved_model.pb").write_bytes(graph[: len(graph) // 2])
    with pytest.raises(BadModel, match="not a whole SavedModel"):
        tpu.check(tmp_path, None)
    with pytest.raises(BadArtifact, match="cannot read this SavedModel"):
        open_runtime("tensorflow", tmp_path)


def test_a_saved_model_without_the_serving_signature_is_refused(tmp_path):
    folder = _save(tmp_path / "m", lambda x: x + 1, tf.TensorSpec((None, 3), tf.float32), signature="other")
    with pytest.raises(BadModel, match="no signature 'serving_default'"):
        tpu.check(folder, None)

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tflite_micro import runtime

from edge.device.errors import BadArtifact
from edge.runtimes import open_runtime
from edge.simulators.arena import STEP, smallest_arena
from edge.tflite import read_graph

NETWORKS = [("cnn", "int8-ptq"), ("cnn", "int8-qat"), ("resnet8", "int8-qat"), ("mobilenet_v1", "int8-ptq")]


@pytest.mark.parametrize(("name", "precision"), NETWORKS)
def test_logits_differ_from_litert_by_a_code_now_and_then_at_most(name, precision, tflite_of, pictures_of):
    path, pictures = tflite_of(name, precision), pictures_of(name, 100)
    micro = open_runtime("tflite-micro", path).run(pictures)
    litert = open_runtime("litert-reference", path).run(pictures)
    codes = np.abs(micro - litert) / read_graph(path).output.scales[0]
    assert codes.max() <= 1.001
    assert np.mean(codes > 0.5) < 0.02


def test_one_interpreter_answers_a_picture_alike_whatever_it_saw_before(tflite_of, pictures_of):
    pictures, path = pictures_of("cnn", 12), tflite_of("cnn", "int8-qat")
    batch = open_runtime("tflite-micro", path).run(pictures)
    alone = [open_runtime("tflite-micro", path).run(picture[np.newaxis])[0] for picture in pictures]
    np.testing.assert_array_equal(batch, alone)


def test_interpreters_in_several_threads_do_not_disturb_each_other(tflite_of, pictures_of):
    pictures, path = pictures_of("resnet8", 20), tflite_of("resnet8", "int8-qat")
    expected = open_runtime("tflite-micro", path).run(pictures)
    runtimes = [open_runtime("tflite-micro", path) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for logits in pool.map(lambda each: each.run(pictures), runtimes):
            np.testing.assert_array_equal(logits, expected)


def test_recurrent_network_forgets_the_picture_before(shared):
    path = shared / "edgetpu" / "models" / "keras_lstm_mnist_ptq.tflite"
    rows = np.random.default_rng(0).integers(0, 256, (2, 28, 28), np.uint8)
    both = open_runtime("tflite-micro", path).run(rows)
    np.testing.assert_array_equal(both[1:], open_runtime("tflite-micro", path).run(rows[1:]))


def test_open_of_a_cut_file_is_refused(tflite_of, tmp_path):
    content = tflite_of("cnn", "int8-qat").read_bytes()
    (tmp_path / "cut.tflite").write_bytes(content[: len(content) // 2])
    with pytest.raises(BadArtifact, match=r"cut\.tflite"):
        open_runtime("tflite-micro", tmp_path / "cut.tflite")


def test_open_of_a_model_without_kernels_is_refused(tflite_of):
    with pytest.raises(BadArtifact, match="TFLite Micro does not run this model"):
        open_runtime("tflite-micro", tflite_of("cnn", "float16"))


def test_run_of_pictures_of_another_size_is_refused(tflite_of):
    with pytest.raises(ValueError, match="Dimension mismatch"):
        open_runtime("tflite-micro", tflite_of("cnn", "int8-qat")).run(np.zeros((1, 9, 9, 1), np.uint8))


@pytest.mark.parametrize(("name", "precision"), NETWORKS)
def test_smallest_arena_runs_and_one_step_less_does_not(name, precision, tflite_of):
    path = tflite_of(name, precision)
    found = smallest_arena(path)
    assert (found.outcome, found.arena_bytes % STEP) == ("runs", 0)
    content = path.read_bytes()
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=found.arena_bytes)
    interpreter.set_input(np.zeros(read_graph(path).input.shape, np.uint8), 0)
    interpreter.invoke()
    with pytest.raises(RuntimeError, match="failed to allocate tensors"):
        runtime.Interpreter.from_bytes(content, arena_size=found.arena_bytes - STEP)


def test_smallest_arena_survives_sizes_that_end_the_process(tmp_path):
    """A model this small is bisected down to where TFLite Micro's own tables do not fit and it calls abort."""
    import tensorflow as tf

    function = tf.function(lambda x: tf.nn.relu(x))
    concrete = function.get_concrete_function(tf.TensorSpec([1, 2], tf.float32))
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert())
    program = (
        "import sys; from tflite_micro import runtime; "
        "runtime.Interpreter.from_file(sys.argv[1], arena_size=int(sys.argv[2]))"
    )
    found = smallest_arena(path)
    assert found.outcome == "runs"
    codes = [
        subprocess.run([sys.executable, "-c", program, str(path), str(size)], capture_output=True).returncode
        for size in (found.arena_bytes, found.arena_bytes - STEP, 256)
    ]
    assert codes[0] == 0
    assert codes[1] != 0
    assert codes[2] < 0


def test_smallest_arena_of_a_model_that_crashes_says_so(tflite_of, tmp_path):
    """Dense weights said to be far longer than they are: TFLite Micro reads on behind the file."""
    model = schema.ModelT.InitFromPackedBuf(tflite_of("cnn", "int8-qat").read_bytes(), 0)
    graph = model.subgraphs[0]
    dense = next(each for each in reversed(graph.operators) if len(each.inputs) == 3)
    graph.tensors[dense.inputs[1]].shape = [10, 1 << 26]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path = tmp_path / "long.tflite"
    path.write_bytes(builder.Output())
    found = smallest_arena(path)
    assert (found.outcome, found.arena_bytes) == ("crashed", None)
    assert "ended with code -" in found.words

"""edgetpu_compiler: its log, its file, and the ways in which it fails."""

import pytest

from edge.device.errors import BadModel, ConversionFailed
from edge.targets import coral
from edge.targets.coral.compiler import compile_model, parse_log
from edge.targets.coral.package import read_package
from edge.tflite import read_graph

# github.com/google-coral/edgetpu/issues/512 and 560, compiler 16.0.384591198
LOG = """Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.

Model compiled successfully in 3438 ms.

Input model: yolov5s-int8.tflite
Input size: 7.31MiB
Output model: yolov5s-int8_edgetpu.tflite
Output size: 7.52MiB
On-chip memory used for caching model parameters: 6.89MiB
On-chip memory remaining for caching model parameters: 1.00KiB
Off-chip memory used for streaming uncached model parameters: 175.00KiB
Number of Edge TPU subgraphs: 1
Total number of operations: 267
Operation log: efficientdet-lite0_edgetpu.log

Operator                       Count      Status

CONV_2D                        102        Mapped to Edge TPU
DEQUANTIZE                     2          Operation is working on an unsupported data type
QUANTIZE                       1          Mapped to Edge TPU
RESIZE_NEAREST_NEIGHBOR        12         Mapped to Edge TPU
RESHAPE                        2          Tensor has unsupported rank (up to 3 innermost dimensions mapped)
"""


def test_parse_log_of_a_published_log_tells_operators_and_memory():
    log = parse_log(LOG)
    assert (log.cached_bytes, log.streamed_bytes, log.mapped_count) == (round(6.89 * 2**20), 175 * 2**10, 115)
    assert [str(row) for row in log.left] == [
        "2 DEQUANTIZE: Operation is working on an unsupported data type",
        "2 RESHAPE: Tensor has unsupported rank (up to 3 innermost dimensions mapped)",
    ]


def test_parse_log_of_other_words_is_empty():
    log = parse_log("Internal compiler error. Aborting!\n")
    assert (log.rows, log.cached_bytes, log.streamed_bytes) == ((), None, None)


def test_read_package_tells_cached_and_streamed_parameters(package):
    found = read_package(package(4608, 576))
    assert (found.cached_bytes, found.streamed_bytes, found.min_runtime_version) == (4608, 576, 14)


@pytest.mark.parametrize("keep", [0, 10, 30, 60, 200])
def test_read_package_of_a_cut_one_is_refused_or_shorter(package, keep):
    content = package(4608, 576)[:keep]
    try:
        assert read_package(content).cached_bytes <= 4608
    except BadModel as error:
        assert "DarwiNN" in str(error)


def test_convert_with_a_compiler_proves_its_file(tflite_of, tmp_path, stand_in):
    stand_in(cached=66_000, streamed=576)
    artifact = coral.convert(tflite_of("cnn", "int8-qat"), None, tmp_path)
    assert [model.file for model in artifact.files] == ["model.tflite", "model_edgetpu.tflite"]
    assert artifact.files[1].runtimes == ()
    count = len(read_graph(tmp_path / "model.tflite").operators)
    assert artifact.figures == {"on_chip_bytes": 66_576, "streamed_bytes": 576, "mapped_operators": count}
    assert "16.0.384591198" in (tmp_path / "edgetpu_compiler.log").read_text()
    assert not (tmp_path / "model_edgetpu.log").exists()


def test_convert_where_the_compiler_leaves_more_on_the_cpu_than_predicted_warns(tflite_of, tmp_path, stand_in):
    stand_in(left=2)
    artifact = coral.convert(tflite_of("cnn", "int8-qat"), None, tmp_path)
    (warning,) = (each for each in artifact.findings if each.operator == "mapping")
    assert warning.severity == "warning"
    assert "FULLY_CONNECTED" in warning.reason
    assert "More than one subgraph is not supported" in warning.reason


def test_convert_where_the_parameters_take_more_than_estimated_warns(tflite_of, tmp_path, stand_in):
    stand_in(cached=1_000_000)
    artifact = coral.convert(tflite_of("cnn", "int8-qat"), None, tmp_path)
    assert any(each.operator == "on-chip memory" and "1,000,000" in each.reason for each in artifact.findings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"change": "graph.operators = [custom, custom, *rest]"}, "2 edgetpu-custom-op, expected 1"),
        ({"change": "graph.operators = [*mapped, *rest]"}, "0 edgetpu-custom-op"),
        ({"change": "graph.tensors[graph.inputs[0]].shape = [1, 9, 9, 1]"}, r"inputs \['UINT8 \[1, 9, 9, 1\]"),
        ({"change": "graph.tensors[graph.outputs[0]].quantization.scale = [9.0]"}, "outputs .* scale 9 "),
        ({"change": "graph.outputs = []"}, "outputs"),
        ({"log": "SOFTMAX                        1          Operation not supported\\n"}, "its log says .*SOFTMAX"),
        ({"change": "custom.customOptions = []; print = lambda *_: None"}, "no DarwiNN package"),
    ],
)
def test_convert_of_a_compiled_file_that_is_not_sound_is_refused(settings, words, tflite_of, tmp_path, stand_in):
    stand_in(**settings)
    with pytest.raises(ConversionFailed, match=words):
        coral.convert(tflite_of("cnn", "int8-qat"), None, tmp_path)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys; sys.exit('Internal compiler error. Aborting!')", "exit 1: Internal compiler error. Aborting!"),
        (
            "print('Invalid model: model.tflite'); print('Model not quantized'); raise SystemExit(1)",
            "Model not quantized",
        ),
        ("pass", "exit 0: it said nothing"),
    ],
)
def test_compile_model_of_a_compiler_that_fails_repeats_its_words(program, words, tmp_path, install):
    compiler = install(program)
    with pytest.raises(ConversionFailed, match=words):
        compile_model(str(compiler), tmp_path / "model.tflite")


def test_convert_where_the_compiler_writes_garbage_is_refused(tflite_of, tmp_path, install):
    install("import sys, pathlib\npathlib.Path(sys.argv[3], 'model_edgetpu.tflite').write_bytes(b'garbage' * 9)\n")
    with pytest.raises(ConversionFailed, match="no TFLite model"):
        coral.convert(tflite_of("cnn", "int8-qat"), None, tmp_path)


def test_compile_model_of_a_compiler_that_hangs_is_ended(tmp_path, install):
    compiler = install("import time; time.sleep(60)")
    with pytest.raises(ConversionFailed, match=r"no answer in 0\.3 s"):
        compile_model(str(compiler), tmp_path / "model.tflite", seconds=0.3)


def test_compile_model_of_a_compiler_that_cannot_start_says_so(tmp_path, install):
    compiler = install("pass")
    compiler.write_text("#!/nowhere/python\n")
    with pytest.raises(ConversionFailed, match="does not start"):
        compile_model(str(compiler), tmp_path / "model.tflite")


def test_convert_without_a_compiler_says_that_it_predicts(tflite_of, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    artifact = coral.convert(tflite_of("cnn", "int8-qat"), None, tmp_path)
    (note,) = (each for each in artifact.findings if each.severity == "note")
    assert "a prediction" in note.reason
    assert artifact.figures == {}
    assert [model.file for model in artifact.files] == ["model.tflite"]

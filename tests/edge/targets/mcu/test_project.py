"""The generated sources: compiled with every warning an error, loaded, and run with TFLite Micro behind them."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edge.boards import Board, Figure
from edge.device.errors import BadModel, ConversionFailed
from edge.runtimes import open_runtime
from edge.targets import mcu
from edge.targets.mcu.golden import pictures
from edge.targets.mcu.project import write_labels
from edge.tflite import read_graph

STUB = Path(__file__).parent / "tflm_stub"
STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic", "-O1", "-fPIC")
PASSED, ABSENT, NOT_RUN = 0, -1, -2

Run = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_uint8), ctypes.POINTER(ctypes.c_float))
Invoke = ctypes.CFUNCTYPE(None, ctypes.POINTER(ctypes.c_uint8), ctypes.POINTER(ctypes.c_uint8))

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs gcc and g++")


@pytest.fixture(scope="module")
def artifact(tflite_of, tmp_path_factory):
    return mcu.convert(tflite_of("resnet8", "int8-qat"), None, tmp_path_factory.mktemp("mcu"))


@pytest.fixture(scope="module")
def library(artifact, tmp_path_factory):
    """The C sources alone, as a shared library."""
    return build_c(artifact.folder, tmp_path_factory.mktemp("c"))


def build_c(folder, place, *flags):
    objects = []
    for source in sorted((folder / "src").glob("*.c")):
        objects.append(place / f"{source.stem}.o")
        command = ["gcc", "-std=c11", *STRICT, *flags, "-c", str(source), "-o", str(objects[-1])]
        subprocess.run(command, check=True, timeout=60)
    subprocess.run(["gcc", "-shared", *map(str, objects), "-o", str(place / "model.so")], check=True, timeout=60)
    return ctypes.CDLL(str(place / "model.so"))


def test_folder_is_ready_for_arduino_zephyr_and_esp_idf(artifact):
    files = {path.relative_to(artifact.folder).as_posix() for path in artifact.folder.rglob("*") if path.is_file()}
    assert files >= {
        *("model.tflite", "README.md", "library.properties", "examples/self_test/self_test.ino"),
        *("CMakeLists.txt", "idf_component.yml", "zephyr/CMakeLists.txt", "zephyr/prj.conf", "zephyr/main.cpp"),
    }
    for path in artifact.folder.rglob("*"):
        if path.suffix in (".c", ".cpp", ".h", ".md", ".txt"):
            assert "@{" not in path.read_text(encoding="utf-8")


def test_sources_named_in_the_build_files_exist(artifact):
    for build in ("CMakeLists.txt", "zephyr/CMakeLists.txt"):
        text = (artifact.folder / build).read_text()
        assert all(path.name in text for path in (artifact.folder / "src").glob("*.c*"))


@needs_compiler
def test_array_is_the_model_aligned_and_named_by_its_digest(artifact, library):
    model = (artifact.folder / "model.tflite").read_bytes()
    array = (ctypes.c_uint8 * len(model)).in_dll(library, "edgewise_model_data")
    assert bytes(array) == model
    assert ctypes.addressof(array) % 16 == 0
    for name in ("edgewise_model_data.c", "edgewise_model_data.h", "edgewise_contract.h"):
        assert artifact.files[0].sha256 in (artifact.folder / "src" / name).read_text()


@needs_compiler
def test_self_test_passes_with_the_scores_of_tflite_micro(artifact, library):
    assert self_test(artifact, library, lambda batch: mcu.run(artifact, batch)) == PASSED


@needs_compiler
def test_self_test_forgives_one_code_and_no_more(artifact, library):
    scale = read_graph(artifact.folder / "model.tflite").output.scales[0]
    for codes, outcome in ((0.99, PASSED), (-0.99, PASSED), (1.5, 1), (-1.5, 1)):
        assert self_test(artifact, library, lambda batch, off=codes * scale: mcu.run(artifact, batch) + off) == outcome


@needs_compiler
def test_self_test_names_the_vector_that_differs(artifact, library):
    calls = []

    def wrong_at_the_third(batch):
        calls.append(batch)
        return mcu.run(artifact, batch) + (100 if len(calls) == 3 else 0)

    assert self_test(artifact, library, wrong_at_the_third) == 3


@needs_compiler
def test_self_test_takes_no_answer_that_is_not_a_number(artifact, library):
    assert self_test(artifact, library, lambda batch: mcu.run(artifact, batch) * np.nan) == 1


@needs_compiler
def test_self_test_tells_a_model_that_does_not_run(library):
    assert library.edgewise_self_test(Run(lambda *_: 1)) == NOT_RUN


@needs_compiler
def test_golden_vectors_can_be_left_out(artifact, tmp_path):
    bare = build_c(artifact.folder, tmp_path, "-DEDGEWISE_WITH_SELF_TEST=0")
    assert bare.edgewise_self_test(Run(lambda *_: 0)) == ABSENT
    assert not hasattr(bare, "edgewise_golden_inputs")


@needs_compiler
def test_labels_are_written_whatever_their_characters(artifact, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(artifact.folder, folder)
    names = ['"quoted"', "back\\slash", "Löwenzahn", "tab\there", "per%cent", "a", "b", "c", "d", ""]
    write_labels(folder, names)
    built = build_c(folder, tmp_path)
    array = (ctypes.c_char_p * len(names)).in_dll(built, "edgewise_labels")
    assert [label.decode() for label in array] == names


@needs_compiler
@pytest.mark.parametrize("flags", [(), ("-DSTUB_OLD_NAMESPACE",)], ids=["tflite::micro", "tflite"])
def test_application_sets_up_classifies_and_tests_itself(flags, artifact, tmp_path):
    """The generated C++ against declarations of TFLite Micro, old and new, with the real one computing behind them."""
    model = build_cpp(artifact.folder, tmp_path, *flags)
    scale, zero_point = output_quantization(artifact)
    graph = read_graph(artifact.folder / "model.tflite")
    inputs = int(np.prod(graph.input.shape))

    @Invoke
    def invoke(source, result):
        picture = np.ctypeslib.as_array(source, (inputs,)).reshape(graph.input.shape)
        codes = np.round(mcu.run(artifact, picture.copy())[0] / scale) + zero_point
        np.ctypeslib.as_array(result, (10,))[:] = codes.astype(np.uint8)

    model.stub_model(ctypes.c_size_t(inputs), ctypes.c_size_t(10), invoke)
    assert model.model_setup() == 1
    assert model.model_setup() == 1  # again: nothing is added twice
    assert model.model_operators().decode().split() == ["Add", "Conv2D", "FullyConnected", "Mean", "Quantize"]
    assert model.model_self_test() == PASSED
    assert model.model_arena_used() == inputs + 10
    picture = pictures(6, graph.input.shape[1:])[5]
    expected = mcu.run(artifact, picture[np.newaxis])[0]
    label, score = ctypes.c_int(), ctypes.c_float()
    assert model.model_classify(picture.ctypes.data_as(ctypes.c_void_p), ctypes.byref(label), ctypes.byref(score)) == 1
    assert (label.value, score.value) == (int(expected.argmax()), float(expected.max()))


@needs_compiler
def test_application_refuses_a_model_of_another_size(artifact, tmp_path):
    model = build_cpp(artifact.folder, tmp_path)
    model.stub_model(ctypes.c_size_t(5), ctypes.c_size_t(10), Invoke(lambda *_: None))
    assert model.model_setup() == 0
    assert model.model_self_test() == NOT_RUN


def build_cpp(folder, place, *flags):
    build_c(folder, place)
    model = place / "model.cpp.so"
    source = folder / "src"
    sources = [str(source / "edgewise_model.cpp"), str(STUB / "entry.cpp"), *map(str, sorted(place.glob("*.o")))]
    include = [f"-I{source}", f"-I{STUB}"]
    command = ["g++", "-std=c++17", *STRICT, *flags, *include, "-shared", *sources, "-o", str(model)]
    subprocess.run(command, check=True, timeout=120)
    built = ctypes.CDLL(str(model))
    built.model_operators.restype = ctypes.c_char_p
    built.model_arena_used.restype = ctypes.c_size_t
    return built


def test_figures_and_header_agree_and_leave_a_margin(artifact):
    header = (artifact.folder / "src" / "edgewise_contract.h").read_text()
    assert f"#define EDGEWISE_ARENA_BYTES {artifact.figures['arena_bytes_with_margin']}\n" in header
    assert artifact.figures["arena_bytes_with_margin"] >= artifact.figures["arena_bytes"] + 4 * 3 * 3 * 64
    assert artifact.figures["macs"] == 12_501_632  # ResNet-8: 12.5 million, arXiv:2106.07597 (MLPerf Tiny), table 2
    assert artifact.figures["flash_bytes"] > (artifact.folder / "model.tflite").stat().st_size


def test_file_runs_in_tflite_micro_and_in_litert(artifact, pictures_of):
    (file,) = artifact.files
    assert file.runtimes == ("tflite-micro", "litert-reference")
    batch = pictures_of("resnet8", 20)
    logits = mcu.run(artifact, batch)
    litert = open_runtime("litert-reference", artifact.folder / file.file).run(batch)
    assert np.abs(logits - litert).max() <= output_quantization(artifact)[0] * 1.001


def test_convert_for_a_board_too_small_fails_with_the_numbers(tflite_of, tmp_path):
    figures = {"ram_bytes": Figure(value=8192, source="made up")}
    small = Board(name="small", target="mcu", title="Small", figures=figures)
    with pytest.raises(ConversionFailed, match=r"RAM: needs [\d,]+ bytes, Small has 8,192"):
        mcu.convert(tflite_of("resnet8", "int8-qat"), small, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_convert_of_a_model_without_kernels_is_refused(tflite_of, tmp_path):
    with pytest.raises(BadModel, match=r"not for mcu: .*FLOAT16"):
        mcu.convert(tflite_of("cnn", "float16"), None, tmp_path)


@needs_compiler
def test_int16x8_scores_are_float_and_the_sources_follow(tflite_of, tmp_path, pictures_of):
    made = mcu.convert(tflite_of("cnn", "int16x8"), None, tmp_path)
    assert made.precision == "int16x8"
    header = (tmp_path / "src" / "edgewise_contract.h").read_text()
    assert "#define EDGEWISE_OUTPUT_IS_UINT8 0" in header
    (tmp_path / "build").mkdir()
    assert self_test(made, build_c(tmp_path, tmp_path / "build"), lambda batch: mcu.run(made, batch)) == PASSED
    logits = mcu.run(made, pictures_of("cnn", 20))
    litert = open_runtime("litert-reference", tmp_path / "model.tflite").run(pictures_of("cnn", 20))
    np.testing.assert_allclose(logits, litert, atol=0.01 * np.abs(litert).max())


def self_test(artifact, library, model):
    """edgewise_self_test of the built library with `model`, uint8 [n, h, w, c] to float32 [n, labels], behind it."""
    shape = read_graph(artifact.folder / "model.tflite").input.shape

    @Run
    def run(pixels, scores):
        picture = np.ctypeslib.as_array(pixels, (int(np.prod(shape)),)).reshape(shape)
        answer = model(picture.copy())[0].astype(np.float32)
        np.ctypeslib.as_array(scores, (len(answer),))[:] = answer
        return 0

    return library.edgewise_self_test(run)


def output_quantization(artifact):
    result = read_graph(artifact.folder / "model.tflite").output
    return np.float32(result.scales[0]), result.zero_points[0]

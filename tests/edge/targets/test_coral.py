import dataclasses

import pytest

from edge.device.errors import BadModel, ConversionFailed
from edge.targets import coral
from edge.tflite import read_graph


def test_check_of_a_float_model_names_its_operators(tflite_of):
    refused = [
        str(each) for each in coral.check(tflite_of("cnn", "float32"), None).findings if each.severity == "refused"
    ]
    assert any(text.startswith("CONV_2D #") and "FLOAT32" in text for text in refused)


def test_convert_of_a_float_model_is_refused(tflite_of, tmp_path):
    with pytest.raises(BadModel, match="FLOAT32"):
        coral.convert(tflite_of("cnn", "float16"), None, tmp_path)


@pytest.mark.parametrize("change", [{"version": 6}, {"code": 150, "name": "STABLEHLO_ADD"}])
def test_unreadable_operators_of_a_newer_file_are_named(change, tflite_of):
    graph = read_graph(tflite_of("cnn", "int8-qat"))
    newer = dataclasses.replace(graph.operators[1], **change)
    (finding,) = coral.unreadable_operators(dataclasses.replace(graph, operators=(newer,)))
    assert (finding.severity, finding.operator) == ("refused", f"{newer.name} #1")


def test_check_without_the_compiler_notes_that_the_mapping_is_not_verified(tflite_of, monkeypatch):
    monkeypatch.setenv("PATH", "")
    (note,) = coral.check(tflite_of("cnn", "int8-qat"), None).findings
    assert (note.severity, note.operator) == ("note", "mapping")


def test_convert_with_a_compiler_keeps_its_file_and_its_log(tflite_of, tmp_path, monkeypatch):
    _install(tmp_path, 'echo "Edge TPU Compiler version 16.0"; cp "$4" "$3/model_edgetpu.tflite"')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    artifact = coral.convert(tflite_of("cnn", "int8-qat"), None, tmp_path)
    assert [model.file for model in artifact.files] == ["model.tflite", "model_edgetpu.tflite"]
    assert "version 16.0" in (tmp_path / "edgetpu_compiler.log").read_text()


def test_convert_with_a_compiler_that_fails_repeats_its_last_words(tflite_of, tmp_path, monkeypatch):
    _install(tmp_path, 'echo "Internal compiler error. Aborting!" >&2; exit 1')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with pytest.raises(ConversionFailed, match="exit 1: Internal compiler error"):
        coral.convert(tflite_of("cnn", "int8-qat"), None, tmp_path)


def _install(folder, script):
    """Put a program called edgetpu_compiler into `folder`/bin."""
    (folder / "bin").mkdir()
    program = folder / "bin" / coral.COMPILER
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)

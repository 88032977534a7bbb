"""Engines by key. A shell script stands in for NVIDIA's trtexec, which runs on their GPUs alone: it prints the banner
of a version, notes its arguments, and writes the files that it is asked for, as the real one does."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge.device.accelerators.engine import Key, engine_of, key_of, remove_old
from edge.device.accelerators.trtexec import trtexec_version
from edge.device.contract import Contract, read_contract
from edge.device.errors import Unavailable
from edge.device.files import sha256_of

MakeTrtexec = Callable[..., Path]

_SCRIPT = """#!/bin/sh
echo "&&&& RUNNING TensorRT.trtexec [TensorRT v{number}] # $0 $*"
case "$1" in --help) exit 0;; esac
echo "$*" >> "{log}"
for word; do case "$word" in
    --saveEngine=*) engine="${{word#*=}}";;
    --timingCacheFile=*) echo timed >> "${{word#*=}}";;
esac; done
{body}
"""
_BUILDS = 'echo "engine of {number}" > "$engine"; echo "&&&& PASSED TensorRT.trtexec"'
_FAILS = 'echo "half of" > "$engine"; echo "[E] Error[10]: no implementation for node Conv_3"; exit 1'


@pytest.fixture
def trtexec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeTrtexec:
    """Put a trtexec of TensorRT `number` on PATH; the file returned has its arguments, a line for each build."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def make(number: int, body: str = _BUILDS) -> Path:
        log = tmp_path / "trtexec.log"
        program = folder / "trtexec"
        program.write_text(_SCRIPT.format(number=number, log=log, body=body.format(number=number)))
        program.chmod(0o755)
        return log

    return make


@pytest.fixture
def onnx(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"the model")
    return path


@pytest.fixture
def contract(artifact: Path) -> Contract:
    return read_contract(artifact)


def key(onnx: Path, tensorrt: str, gpu: str = "sm87") -> Key:
    return Key(model=sha256_of(onnx), tensorrt=tensorrt, gpu=gpu)


def test_engine_is_built_once_and_named_by_all_that_it_depends_on(
    trtexec: MakeTrtexec, onnx: Path, contract: Contract, tmp_path: Path
) -> None:
    log, engines = trtexec(100300), tmp_path / "engines"
    path = engine_of(onnx, key(onnx, "10.3.0"), engines, contract)
    assert path == engines / f"{sha256_of(onnx)[:16]}.trt10.3.0.sm87.engine"
    assert path.read_text() == "engine of 100300\n"
    assert engine_of(onnx, key(onnx, "10.3.0"), engines, contract) == path
    (said,) = log.read_text().splitlines()
    assert f"--onnx={onnx} " in said
    assert said.endswith("--stronglyTyped --memPoolSize=workspace:256 --skipInference")
    assert sorted(each.name for each in engines.iterdir()) == [path.name, "timing.trt10.3.0.sm87.cache"]


def test_timings_of_one_build_are_there_in_the_next(
    trtexec: MakeTrtexec, onnx: Path, contract: Contract, tmp_path: Path
) -> None:
    trtexec(8602)
    cache = tmp_path / "engines" / "timing.trt8.6.2.sm87.cache"
    for count, content in ((1, b"the model"), (2, b"another model")):
        onnx.write_bytes(content)
        engine_of(onnx, key(onnx, "8.6.2"), tmp_path / "engines", contract)
        assert cache.read_text() == "timed\n" * count


def test_upgraded_tensorrt_or_other_gpu_builds_anew_and_never_loads_the_engine_of_before(
    trtexec: MakeTrtexec, onnx: Path, contract: Contract, tmp_path: Path
) -> None:
    engines = tmp_path / "engines"
    trtexec(8602)
    before = engine_of(onnx, key(onnx, "8.6.2"), engines, contract)
    trtexec(100300)
    after = engine_of(onnx, key(onnx, "10.3.0"), engines, contract)
    other = engine_of(onnx, key(onnx, "10.3.0", "sm110"), engines, contract)
    assert after.read_text() == "engine of 100300\n"
    assert len({before, after, other}) == 3


def test_what_an_answering_engine_replaced_is_removed_but_for_the_other_slots(
    trtexec: MakeTrtexec, onnx: Path, contract: Contract, tmp_path: Path
) -> None:
    engines = tmp_path / "engines"
    trtexec(8602)
    stale = engine_of(onnx, key(onnx, "8.6.2"), engines, contract)
    trtexec(100300)
    made = []
    for number, content in enumerate((b"oldest", b"older", b"newest")):
        onnx.write_bytes(content)
        made.append(engine_of(onnx, key(onnx, "10.3.0"), engines, contract))
        os.utime(made[-1], (time.time() + number, time.time() + number))
    for name in (f"{'0' * 16}.ort1.23.0.trt100300.sm87", "notes.txt"):
        (engines / name).mkdir()
    remove_old(engines, made[-1].name)
    kept = {each.name for each in engines.iterdir()}
    assert kept == {
        made[1].name, made[2].name, "timing.trt10.3.0.sm87.cache", f"{'0' * 16}.ort1.23.0.trt100300.sm87", "notes.txt",
    }  # fmt: skip
    assert stale.name not in kept


def test_folder_of_onnx_runtimes_own_engines_is_removed_with_its_release(tmp_path: Path) -> None:
    names = [
        f"{'0' * 16}.ort1.23.0.trt100300.sm87",
        f"{'1' * 16}.ort1.20.0.trt100300.sm87",
        f"{'2' * 16}.trt8.6.2.sm87.engine",
    ]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    remove_old(tmp_path, names[0])
    assert sorted(each.name for each in tmp_path.iterdir()) == [names[0], names[2]]


def test_build_that_fails_says_what_each_builder_said_and_leaves_nothing(
    trtexec: MakeTrtexec, onnx: Path, contract: Contract, tmp_path: Path
) -> None:
    trtexec(100300, _FAILS)
    with pytest.raises(Unavailable) as caught:
        engine_of(onnx, key(onnx, "10.3.0"), tmp_path / "engines", contract)
    said = str(caught.value)
    assert "the module tensorrt cannot be imported" in said
    assert "exit 1, no engine: [E] Error[10]: no implementation for node Conv_3" in said
    assert list((tmp_path / "engines").iterdir()) == []


def test_trtexec_of_another_tensorrt_than_the_one_that_runs_engines_is_not_used(
    trtexec: MakeTrtexec, onnx: Path, contract: Contract, tmp_path: Path
) -> None:
    log = trtexec(8602)
    with pytest.raises(Unavailable, match=r"is of TensorRT 8\.6\.2, what runs engines here is 10\.3\.0"):
        engine_of(onnx, key(onnx, "10.3.0"), tmp_path / "engines", contract)
    assert not log.exists()


def test_float16_artefact_asks_tensorrt_8_for_it(
    trtexec: MakeTrtexec, onnx: Path, contract: Contract, tmp_path: Path
) -> None:
    log = trtexec(8602)
    engine_of(onnx, key(onnx, "8.6.2"), tmp_path / "engines", replace(contract, precision="float16"))
    assert "--fp16" in log.read_text()
    assert "--int8" not in log.read_text()


def test_program_that_is_no_trtexec_is_said(tmp_path: Path) -> None:
    program = tmp_path / "trtexec"
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o755)
    with pytest.raises(Unavailable, match="does not tell its version"):
        trtexec_version(str(program))
    with pytest.raises(Unavailable, match="does not start"):
        trtexec_version(str(tmp_path / "absent"))


def test_key_is_of_the_files_content_and_this_gpu(onnx: Path) -> None:
    found = key_of(onnx, "10.3.0")
    assert (found.model, found.tensorrt) == (sha256_of(onnx), "10.3.0")
    assert found.gpu.startswith("sm")

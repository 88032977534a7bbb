"""The Edge TPU's runtime against real libraries that are loaded, and that fail, in the place of libedgetpu."""

import json
import os
import shutil
import subprocess
import sys
import time
import zipapp
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge.device import loading
from edge.device.accelerators import ACCELERATORS
from edge.device.accelerators.edgetpu import VARIABLE
from edge.device.errors import Unavailable

ROOT = Path(__file__).resolve().parents[4]

LibraryOf = Callable[[str], Path]
MakeArtifact = Callable[..., Path]

REASONS = {
    "segfaults": "the probe ended by SIGSEGV: libedgetpu and the runtime do not fit each other",
    "aborts": "the probe ended by SIGABRT: libedgetpu and the runtime do not fit each other",
    "is killed by the kernel": "the probe ended by SIGILL: libedgetpu and the runtime do not fit each other",
    "refuses the model": "model_edgetpu.tflite: the Edge TPU does not take it",
    "finds no device": "no Edge TPU answers",
    "exits": "the probe failed: F driver.cc:42 Check failed",
}


@pytest.fixture
def edgetpu(monkeypatch: pytest.MonkeyPatch, library_of: LibraryOf) -> Callable[[str], None]:
    """Have a library that behaves in that way loaded as libedgetpu."""
    return lambda way: monkeypatch.setenv(VARIABLE, str(library_of(way)))


def test_compiled_file_runs_with_the_delegate(coral: Path, edgetpu: Callable[[str], None]) -> None:
    edgetpu("works")
    loaded = loading.load(coral)
    assert (loaded.runtime, loaded.file, loaded.fallback) == ("litert-edgetpu", "model_edgetpu.tflite", ())
    assert loaded.executor.run(loaded.golden.inputs).argmax(1).tolist() == loaded.golden.outputs.argmax(1).tolist()


@pytest.mark.parametrize("way", REASONS)
def test_library_that_fails_leaves_the_cpu_and_is_said(coral: Path, edgetpu: Callable[[str], None], way: str) -> None:
    edgetpu(way)
    loaded = loading.load(coral)
    assert (loaded.runtime, loaded.file) == ("litert", "model.tflite")
    (said,) = loaded.fallback
    assert said.startswith(f"litert-edgetpu: {REASONS[way]}")


def test_library_that_hangs_is_given_up(
    coral: Path, edgetpu: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    edgetpu("hangs")
    brief = replace(ACCELERATORS["litert-edgetpu"], seconds=4.0)
    monkeypatch.setitem(ACCELERATORS, "litert-edgetpu", brief)
    start = time.monotonic()
    loaded = loading.load(coral)
    assert time.monotonic() - start < 30
    assert loaded.runtime == "litert"
    assert loaded.fallback == ("litert-edgetpu: the probe did not end within 4 s; is the device stuck?",)


def test_library_that_is_missing_is_said(coral: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "libedgetpu.so.999")
    (said,) = loading.load(coral).fallback
    assert said.startswith("litert-edgetpu: libedgetpu.so.999 cannot be loaded")


def test_accelerator_that_is_asked_for_by_name_does_not_become_the_cpu(
    coral: Path, edgetpu: Callable[[str], None]
) -> None:
    edgetpu("segfaults")
    with pytest.raises(Unavailable, match="SIGSEGV"):
        loading.load(coral, "litert-edgetpu")


def test_artefact_that_was_not_compiled_says_so(
    make_artifact: MakeArtifact, edgetpu: Callable[[str], None], tmp_path: Path
) -> None:
    edgetpu("works")
    folder = make_artifact(tmp_path / "coral", target="coral")
    (said,) = loading.load(folder).fallback
    assert said.startswith("litert-edgetpu: model_edgetpu.tflite is not in this artefact: edgetpu_compiler was not")
    with pytest.raises(Unavailable, match="was not at hand"):
        loading.load(folder, "litert-edgetpu")


def test_compiled_file_that_was_altered_is_not_loaded(coral: Path, edgetpu: Callable[[str], None]) -> None:
    edgetpu("works")
    with (coral / "model_edgetpu.tflite").open("r+b") as file:
        file.seek(100)
        file.write(b"altered")
    loaded = loading.load(coral)
    assert loaded.runtime == "litert"
    assert "not the file that was proven" in loaded.fallback[0]


@pytest.mark.parametrize("way", ["works", "segfaults"])
def test_probe_of_an_isolated_zipapp_finds_its_own_code(
    coral: Path, library_of: LibraryOf, tmp_path: Path, way: str
) -> None:
    source = tmp_path / "source"
    shutil.copytree(ROOT / "edge" / "device", source / "edge" / "device", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "edge" / "__init__.py", source / "edge" / "__init__.py")
    (source / "__main__.py").write_text(
        "import json, sys\nfrom pathlib import Path\nfrom edge.device.loading import load\n"
        "loaded = load(Path(sys.argv[1]))\nprint(json.dumps([loaded.runtime, *loaded.fallback]))\n"
    )
    zipapp.create_archive(source, tmp_path / "runner.pyz")
    shutil.rmtree(source)
    done = subprocess.run(
        [sys.executable, "-I", "runner.pyz", coral],
        env={**os.environ, VARIABLE: str(library_of(way))},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    runtime, *fallback = json.loads(done.stdout)
    expected = ("litert-edgetpu", []) if way == "works" else ("litert", [f"litert-edgetpu: {REASONS[way]}"])
    assert (runtime, fallback) == expected

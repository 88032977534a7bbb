"""What cannot be measured is refused in words."""

import shutil
from pathlib import Path

import pytest

from edge.device.errors import BadArtifact
from pipeline.bench.subject import open_subject


def test_a_folder_without_a_finished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArtifact, match="no finished run"):
        open_subject(tmp_path)


def test_a_model_that_was_changed_is_refused(finished_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    model = run / "export" / "cpu" / "model.tflite"
    model.write_bytes(model.read_bytes() + b"\0")
    with pytest.raises(BadArtifact, match=r"model\.tflite"):
        open_subject(run)

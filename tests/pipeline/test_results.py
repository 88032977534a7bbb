"""export/results.json: read again, it keeps what was refused; what cannot be true is not taken."""

import json
from pathlib import Path
from typing import Any

import pytest

from edge.device.errors import BadArtifact, ProofFailed
from pipeline.ladder import NoRungHolds, Tried
from pipeline.results import PLACE, FloatModel, Proven, as_json, refusal, refused_before

FLOAT = FloatModel(top1=0.9, top1_interval=(0.8, 0.95), samples=50, validation_top1=0.9, parameters=10)
TRIED = Tried(precision="int8-ptq", accepted=False, reason="loses 3.00 points", cause="accuracy", drop=0.03)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run whose last export refused two targets."""
    refused = (refusal("coral", NoRungHolds("coral", [TRIED])), refusal("mcu", ProofFailed("one\ntwo")))
    proven = Proven(recipe="pets", float_model=FLOAT, budget=0.01, artefacts=(), refused=refused)
    (tmp_path / "export").mkdir()
    (tmp_path / PLACE).write_text(json.dumps(as_json(proven)))
    return tmp_path


def test_refused_targets_are_those_of_the_last_export_without_an_artefact_since(run: Path) -> None:
    (left,) = refused_before(run, {"coral"})
    assert (left.target, left.reasons) == ("mcu", ("one", "two"))
    both = refused_before(run, ())
    assert [each.target for each in both] == ["coral", "mcu"]
    assert both[0].tried == (TRIED,)


def test_run_that_was_never_exported_refused_nothing(tmp_path: Path) -> None:
    assert refused_before(tmp_path, ()) == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [("top1", 2.0), ("top1", "NaN"), ("samples", 0), ("samples", -3), ("top1_interval", [0.5]), ("parameters", None)],
)
def test_figures_that_cannot_be_true_are_refused_by_name(run: Path, key: str, value: Any) -> None:
    body = json.loads((run / PLACE).read_text())
    body["float_model"][key] = float("nan") if value == "NaN" else value
    (run / PLACE).write_text(json.dumps(body))
    with pytest.raises(BadArtifact, match=f"float_model.{key}.*edgewise export"):
        refused_before(run, ())


def test_truncated_results_are_refused_alone(run: Path) -> None:
    (run / PLACE).write_text('{"recipe": "pe')
    with pytest.raises(BadArtifact, match="delete that file"):
        refused_before(run, ())

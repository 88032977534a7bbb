"""Two runs side by side: paired where their blind tests are the same, otherwise not."""

import json
import math
from pathlib import Path

import pytest

from edge.device.errors import BadArtifact
from pipeline.compare import compare_runs
from pipeline.data.source import silent
from pipeline.statistics import newcombe_interval


@pytest.fixture
def few_rows(twin: Path) -> Path:
    """The run with the results of coral alone: what is not matched need not be run."""
    place = twin / "export" / "results.json"
    results = json.loads(place.read_text())
    results["artefacts"] = [row for row in results["artefacts"] if row["target"] == "coral"]
    place.write_text(json.dumps(results))
    return twin


def test_runs_are_matched_by_target_file_and_runtime(finished_run: Path, few_rows: Path) -> None:
    found = compare_runs(finished_run, few_rows, silent)
    assert [match.name for match in found.matches] == [
        "float Keras",
        "coral/model.tflite in litert-reference",
        "coral/model.tflite in litert",
    ]
    assert all(match.pairing is not None and match.pairing.flipped == 0 for match in found.matches)
    assert found.only_second == ()
    results = json.loads((finished_run / "export" / "results.json").read_text())
    assert len(found.only_first) + 2 == len(results["artefacts"])
    assert "picture by picture" in found.notes[0]
    assert "McNemar's exact test" in found.notes[0]  # the column of intervals is another one


@pytest.mark.usefixtures("few_rows")
def test_difference_of_float_models_is_paired(finished_run: Path, worse_float: Path) -> None:
    float_match = compare_runs(finished_run, worse_float, silent).matches[0]
    assert float_match.pairing is not None
    assert (float_match.pairing.only_first, float_match.pairing.only_second) == (10, 0)
    assert float_match.pairing.p == pytest.approx(2 / 2**10)
    assert float_match.verdict == "A is better"


def test_other_blind_tests_are_compared_unpaired(finished_run: Path, other_pictures: Path) -> None:
    found = compare_runs(finished_run, other_pictures, silent)
    assert "blind tests differ" in found.notes[0]
    model = json.loads((finished_run / "export" / "results.json").read_text())["float_model"]
    counts = (round(model["top1"] * model["samples"]), model["samples"])
    assert found.matches[0].gain_interval == pytest.approx(newcombe_interval(counts, counts))
    assert all(match.pairing is None for match in found.matches)


def test_run_whose_data_were_made_anew_is_not_judged_on_them(new_data: Path) -> None:
    # Another seed of the split may put pictures into the blind test that the models were trained on.
    found = compare_runs(new_data, new_data, silent)
    assert found.notes[0].startswith(f"{new_data / 'data'} was made anew since {new_data / 'train'} was")
    assert all(match.pairing is None for match in found.matches)


def test_run_that_was_trained_anew_and_not_exported_is_compared_by_its_figures(
    finished_run: Path, new_training: Path
) -> None:
    found = compare_runs(finished_run, new_training, silent)
    assert f"{new_training / 'data'} was made anew since {new_training / 'export'}/" in found.notes[0]
    results = json.loads((new_training / "export" / "results.json").read_text())
    assert found.matches[0].second.top1 == results["float_model"]["top1"]


def test_answers_of_another_number_of_pictures_are_refused(finished_run: Path, short_answers: Path) -> None:
    with pytest.raises(BadArtifact, match=r"float Keras answered \(178, 10\) logits, expected \(179, 10\)"):
        compare_runs(finished_run, short_answers, silent)


def test_run_without_data_is_compared_by_its_figures(finished_run: Path, twin: Path) -> None:
    (twin / "data").rename(twin / "data-elsewhere")
    found = compare_runs(finished_run, twin, silent)
    assert found.notes[0].startswith(f"{twin} has no data")
    assert found.matches[0].pairing is None


def test_results_of_a_report_serve_where_those_of_the_export_are_gone(finished_run: Path, few_rows: Path) -> None:
    export = few_rows / "export" / "results.json"
    (few_rows / "report").mkdir(exist_ok=True)
    (few_rows / "report" / "results.json").write_text(json.dumps({"proven": json.loads(export.read_text())}))
    export.unlink()
    assert len(compare_runs(finished_run, few_rows, silent).matches) == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "not readable as JSON"), ("[]", "not the results of this version"), ('{"recipe": 1}', "recipe")],
)
def test_damaged_results_are_refused_with_a_remedy_that_keeps_the_artefacts(
    finished_run: Path, twin: Path, content: str, words: str
) -> None:
    (twin / "export" / "results.json").write_text(content)
    with pytest.raises(BadArtifact, match=rf"{words}.*edgewise export RECIPE`, which keeps the artefacts"):
        compare_runs(finished_run, twin, silent)


@pytest.mark.parametrize(("key", "value"), [("samples", 0), ("top1", 2.0), ("top1", math.nan), ("samples", -3)])
def test_results_that_cannot_be_true_are_refused(finished_run: Path, twin: Path, key: str, value: float) -> None:
    place = twin / "export" / "results.json"
    results = json.loads(place.read_text())
    results["float_model"][key] = value
    place.write_text(json.dumps(results))
    with pytest.raises(BadArtifact, match=rf"float_model\.{key}"):
        compare_runs(finished_run, twin, silent)


def test_changed_data_are_refused(finished_run: Path, twin: Path) -> None:
    with (twin / "data" / "labels.npy").open("ab") as file:
        file.write(b"x")
    with pytest.raises(BadArtifact, match=r"labels\.npy: SHA-256"):
        compare_runs(finished_run, twin, silent)

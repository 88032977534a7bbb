"""Maps of operators: of a finished run, and of a verdict with every kind of place."""

from dataclasses import replace
from pathlib import Path

import pytest
import tf_keras as keras

from edge.target import PlacedOperator
from edge.targets import TARGETS
from edge.tflite import read_graph
from pipeline.quantization.convert import to_tflite
from pipeline.report.drawing import page_style
from pipeline.report.inspection import Artefact, Inspection
from pipeline.report.placement import Facts, draw, measure

SETTINGS = {"input_scale": 1 / 128, "input_zero_point": 128}


@pytest.fixture(scope="module")
def facts(inspection: Inspection) -> Facts:
    return measure(inspection)


def test_every_target_says_where_each_operator_of_its_file_runs(facts: Facts, inspection: Inspection) -> None:
    assert not facts.not_asked
    assert {placed.target for placed in facts.placed} == {artefact.target for artefact in inspection.artefacts}
    (coral,) = [placed for placed in facts.placed if placed.target == "coral"]
    graph = read_graph(inspection.run / coral.file)
    assert [operator.name for operator in coral.operators] == [operator.name for operator in graph.operators]
    assert coral.counts == {"accelerator": len(graph.operators)}


def test_only_targets_with_more_than_one_place_are_drawn(facts: Facts) -> None:
    with page_style():
        drawings = draw(facts)
    assert set(drawings) == {placed.target for placed in facts.placed if not placed.whole}
    assert {"coral", "jetson"} <= set(drawings)
    assert "cpu" not in drawings


def test_an_operator_that_the_edge_tpu_leaves_is_mapped_to_the_cpu_with_its_reason(
    inspection: Inspection, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, activation="elu")(inputs)  # ELU has no operator on the Edge TPU
    core = keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(x)))
    (artefact,) = [each for each in inspection.artefacts if each.target == "coral"]
    pictures = inspection.blind.all()[:16]
    file = tmp_path / artefact.contract.files[0].file
    file.write_bytes(to_tflite(core, "int8-ptq", **SETTINGS, calibration=pictures, allow_float_layers=True))
    other = Artefact(**{**vars(artefact), "folder": tmp_path})
    (placed,) = measure(replace(inspection, run=tmp_path, artefacts=(other,))).placed
    expected = TARGETS["coral"].check(file, None).operators
    assert placed.operators == expected
    left = {f"{each.name} #{each.index}" for each in expected if each.placement != "accelerator"}
    assert any("ELU" in name for name in left)
    assert {name for reason in placed.reasons for name in reason.operators} == left


def test_a_target_that_reads_none_of_its_files_is_told(inspection: Inspection, tmp_path: Path) -> None:
    (artefact,) = [each for each in inspection.artefacts if each.target == "coral"]
    (tmp_path / artefact.contract.files[0].file).write_bytes(b"no model")
    other = Artefact(**{**vars(artefact), "folder": tmp_path})
    found = measure(replace(inspection, run=tmp_path, artefacts=(other,)))
    assert not found.placed
    assert "no TFLite model" in found.not_asked["coral"]


@pytest.mark.parametrize("count", [3, 60, 300])
def test_a_map_shows_every_place_by_hatching_and_in_words(facts: Facts, count: int) -> None:
    places = ("accelerator", "cpu", "uncertain", "refused")
    operators = tuple(
        PlacedOperator(index=at, name="CONV_2D", placement=places[at * 4 // count], reason="") for at in range(count)
    )
    counts = {place: sum(each.placement == place for each in operators) for place in places}
    mixed = replace(facts.placed[0], operators=operators, counts={k: v for k, v in counts.items() if v}, whole=False)
    with page_style():
        (drawing,) = draw(replace(facts, placed=(mixed,))).values()
    assert drawing.svg.count("<pattern") == sum(counts[place] > 0 for place in places[1:])
    assert all(f"{place}: {counts[place]} CONV_2D" in drawing.words for place in places if counts[place])

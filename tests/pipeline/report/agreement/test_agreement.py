"""The agreement of the finished digits run: runtimes asked here by another way, the live endpoint, devices' files."""

import base64
import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.device.bench_file import Answered, Bench, Latency, picture_digest, write_bench
from edge.device.contract import read_contract
from edge.device.golden import read_golden
from edge.runtimes import open_runtime
from pipeline.data.source import silent
from pipeline.isolate import Child
from pipeline.report.agreement import Facts, draw, measure
from pipeline.report.drawing import page_style
from pipeline.report.inspection import Inspection
from pipeline.report.stage import inspect


@pytest.fixture(scope="module")
def with_devices(
    inspection: Inspection, finished_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Inspection]:
    """The run with two artefacts and four files of devices: one that agrees, one that does not, two strangers."""
    run = Path(shutil.copytree(finished_run, tmp_path_factory.mktemp("devices") / "run"))
    cpu, blind = run / "export" / "cpu", inspection.blind
    golden, logits = read_golden(cpu), open_runtime("litert-reference", cpu / "model.tflite").run(blind.all())
    digests = tuple(picture_digest(picture.tobytes()) for picture in blind.all())
    good = Bench(
        device="kitchen",
        board="raspberry-pi-5",
        runtime="litert",
        versions={"ai-edge-litert": "2.3.0"},
        sha256=next(each.sha256 for each in read_contract(cpu).files if each.file == "model.tflite"),
        latency_ms=Latency(p50=0.4, p90=0.5, p99=1.5),
        load_ms=12.5,
        peak_bytes=30_000_000,
        temperature=48.0,
        throttled=True,
        golden=Answered(
            labels=tuple(golden.outputs.argmax(1).tolist()), logits=tuple(map(tuple, golden.outputs.tolist()))
        ),
        blind_test=Answered(labels=tuple(logits.argmax(1).tolist()), pictures=digests),
    )
    labels = list(good.golden.labels)
    labels[2] = (labels[2] + 1) % 10
    half = len(digests) // 2
    bad = replace(
        good,
        device="cellar",
        golden=Answered(labels=tuple(labels)),
        blind_test=Answered(labels=tuple((logits[:half].argmax(1) + 1) % 10), pictures=digests[:half]),
    )
    (run / "devices").mkdir()
    write_bench(run / "devices" / "a.json", good)
    write_bench(run / "devices" / "b.json", replace(bad, blind_test=_plain(bad.blind_test)))
    write_bench(run / "devices" / "c.json", replace(good, sha256="0" * 64))
    (run / "devices" / "d.json").write_text("{}")
    with Child() as child:
        yield inspect(inspection.recipe, run, {each: run / "export" / each for each in ("cpu", "mcu")}, child, silent)


def _plain(answered: Answered | None) -> Answered | None:
    return answered and replace(answered, labels=tuple(map(int, answered.labels)))


@pytest.fixture(scope="module")
def facts(with_devices: Inspection) -> Facts:
    return measure(with_devices)


def test_agreement_counts_the_flips_of_the_float_model(facts: Facts, inspection: Inspection) -> None:
    """The file run anew in its runtime, in one batch."""
    cpu = next(each.folder for each in inspection.artefacts if each.target == "cpu")
    for runtime in ("litert-reference", "litert"):
        labels = open_runtime(runtime, cpu / "model.tflite").run(inspection.blind.all()).argmax(1)
        answerer = next(each for each in facts.answerers if each.name == f"cpu/model.tflite in {runtime}")
        pair = next(each for each in facts.pairs if (each.first, each.second) == (0, answerer.group))
        assert pair.flips == np.count_nonzero(labels != inspection.float_logits.blind_test.argmax(1))
        assert answerer.top1 == pytest.approx(np.mean(labels == inspection.blind.labels))


def test_agreement_groups_the_twin_with_the_reference_kernels(facts: Facts) -> None:
    names = facts.groups[facts.reference].names
    assert names[0] == "cpu/model.tflite in litert-reference"
    assert "cpu/model.onnx in onnxruntime" in names  # which is equal on every logit, or the export had failed
    asked = {each.name: each for each in facts.answerers}
    if "mcu/model.tflite in litert-reference" not in asked:  # the same file, told once
        assert asked[names[0]].also == ("mcu/model.tflite in litert-reference",)


def test_agreement_with_the_live_endpoint_is_whole(facts: Facts) -> None:
    endpoint = facts.endpoint
    assert (endpoint.failure, endpoint.flips, endpoint.unknown) == ("", 0, ())
    assert endpoint.served.startswith("cpu/")
    assert endpoint.pictures == facts.pictures
    assert endpoint.requests == -(-facts.pictures // 16)
    assert endpoint.difference < 1e-6
    answerer = next(each for each in facts.answerers if each.kind == "endpoint")
    assert answerer.pictures == facts.pictures


def test_agreement_shows_devices_beside_the_host(facts: Facts) -> None:
    good, bad = facts.devices
    assert (good.device, good.model, good.golden_flips, good.golden_difference) == ("kitchen", "cpu/model.tflite", 0, 0)
    assert good.host_p50 is not None
    assert good.host_p50 > 0
    assert (bad.device, bad.golden_flips, bad.golden_difference) == ("cellar", 1, None)
    asked = {each.name: each for each in facts.answerers if each.kind == "device"}
    against = {each.group: each for each in facts.against}
    assert against[asked["kitchen in litert"].group].flips == 0
    cellar = against[asked["cellar in litert"].group]
    assert cellar.flips == cellar.pictures == asked["cellar in litert"].pictures == facts.pictures // 2


def test_agreement_says_which_files_of_devices_are_strangers(facts: Facts) -> None:
    reasons = {each.file: each.reason for each in facts.strangers}
    assert set(reasons) == {"c.json", "d.json"}
    assert "none of this run's" in reasons["c.json"]
    assert "blind_test: received None" in reasons["d.json"]


def test_agreement_matrix_is_told_in_words(facts: Facts) -> None:
    with page_style():
        drawing = draw(facts)["matrix"]
    assert f"on {facts.pictures} pictures" in drawing.words
    assert "A: float Keras" in drawing.words
    assert drawing.svg.count("<text") >= len(facts.groups) ** 2


def test_agreement_shows_pictures_that_a_browser_reads(facts: Facts, inspection: Inspection) -> None:
    for flip in facts.flips:
        with Image.open(io.BytesIO(base64.b64decode(flip.png))) as picture:
            at = inspection.blind.names.index(flip.picture)
            np.testing.assert_array_equal(np.asarray(picture), inspection.blind.pick(np.array([at]))[0, :, :, 0])

"""The agreement of the finished digits run: runtimes asked here by another way, the live endpoint, devices' files."""

import base64
import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter

from edge.device.bench_file import Answered, Bench, Latency, picture_digest, write_bench
from edge.device.contract import read_contract
from edge.device.golden import read_golden
from edge.runtimes import open_runtime
from pipeline.data.dataset import Samples
from pipeline.data.source import silent
from pipeline.isolate import Child
from pipeline.report.agreement import Facts, draw, measure
from pipeline.report.agreement.devices import positions_of
from pipeline.report.drawing import page_style
from pipeline.report.inspection import Inspection
from pipeline.report.page import _environment
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
    foreign = tuple(picture_digest(bytes([at])) for at in range(3))
    alien = Answered(labels=(0, 1, 2), pictures=foreign)
    write_bench(run / "devices" / "e.json", replace(good, device="attic", temperature=None, blind_test=alien))
    scores = tuple(map(tuple, (logits[:half] + 1).tolist()))
    mixed = Answered(
        labels=(*logits[:half].argmax(1).tolist(), 0),
        logits=(*scores, (1.0,) + (0.0,) * 9),
        pictures=(*digests[:half], foreign[0]),
    )
    write_bench(run / "devices" / "f.json", replace(good, device="shed", golden=_off(good.golden), blind_test=mixed))
    narrow = Answered(labels=(0,), logits=((1.0, 0.0),), pictures=digests[:1])
    write_bench(run / "devices" / "g.json", replace(good, blind_test=narrow))
    write_bench(run / "devices" / "h.json", replace(good, blind_test=Answered(labels=(10,), pictures=digests[:1])))
    write_bench(run / "devices" / "i.json", replace(good, golden=replace(bad.golden, labels=(*labels[:-1], 10))))
    (run / "devices" / "j.json").write_text("[" * 100_000)
    (run / os.fsdecode(b"devices/k\xff.json")).write_text('{"\\ud800": 1}')
    with Child() as child:
        yield inspect(inspection.recipe, run, {each: run / "export" / each for each in ("cpu", "mcu")}, child, silent)


def _off(answered: Answered) -> Answered:
    """Every logit of the fourth answer 100 higher, so that its label stays."""
    logits = answered.logits or ()
    return replace(answered, logits=(*logits[:3], tuple(each + 100 for each in logits[3]), *logits[4:]))


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
    good, bad = facts.devices[:2]
    assert (good.device, good.model, good.golden_flips, good.golden_difference) == ("kitchen", "cpu/model.tflite", 0, 0)
    assert good.host_p50 is not None
    assert good.host_p50 > 0
    assert (good.golden_wrong, good.blind_known, good.blind_told) == ((), facts.pictures, facts.pictures)
    assert (bad.device, bad.golden_flips, bad.golden_wrong, bad.golden_difference) == ("cellar", 1, (2,), None)
    asked = {each.name: each for each in facts.answerers if each.kind == "device"}
    against = {each.group: each for each in facts.against}
    assert against[asked["kitchen in litert"].group].flips == 0
    cellar = against[asked["cellar in litert"].group]
    assert cellar.flips == cellar.pictures == asked["cellar in litert"].pictures == facts.pictures // 2


def test_agreement_says_which_files_of_devices_are_strangers(facts: Facts) -> None:
    reasons = {each.file: each.reason for each in facts.strangers}
    assert [each.file for each in facts.devices] == ["a.json", "b.json", "e.json", "f.json"]  # none is both
    assert list(reasons) == ["c.json", "d.json", "g.json", "h.json", "i.json", "j.json", "k\\xff.json"]
    assert "none of this run's" in reasons["c.json"]
    assert "blind_test: received None" in reasons["d.json"]
    assert reasons["g.json"] == "blind_test.logits: received 2 in a row, expected 10, one for each label"
    assert reasons["h.json"] == "blind_test.labels: received 10, expected one of 10 labels, from 0"
    assert reasons["i.json"] == "golden.labels: received 10, expected one of 10 labels, from 0"
    assert TypeAdapter(Facts).validate_json(TypeAdapter(Facts).dump_json(facts)) == facts  # all of it can be written


def test_agreement_leaves_a_device_aside_that_answered_other_pictures(facts: Facts) -> None:
    attic = facts.devices[2]
    assert (attic.blind_told, attic.blind_known) == (3, 0)
    assert not any(each.name.startswith("attic") for each in facts.answerers)


def test_positions_of_identical_pictures_are_all_told() -> None:
    images = np.zeros((3, 2, 2, 1), np.uint8)
    images[1] = 5
    samples = Samples(images=images, labels=np.zeros(3, np.int32), index=np.arange(3), names=("a", "b", "c"))
    found = positions_of(samples)
    assert found == {picture_digest(images[0].tobytes()): [0, 2], picture_digest(images[1].tobytes()): [1]}


def test_agreement_compares_the_logits_that_a_device_told(facts: Facts) -> None:
    shed, half = facts.devices[3], facts.pictures // 2
    assert (shed.golden_flips, shed.golden_wrong, shed.golden_difference) == (0, (3,), 100)
    assert (shed.blind_told, shed.blind_known) == (half + 1, half)
    answerer = next(each for each in facts.answerers if each.name == "shed in litert")
    pair = next(each for each in facts.pairs if {each.first, each.second} == {facts.reference, answerer.group})
    assert (pair.pictures, pair.flips) == (half, 0)
    assert pair.difference == pytest.approx(1, abs=1e-5)


def page_of(facts: Facts) -> str:
    with page_style():
        drawings = draw(facts)
    return _environment().get_template("agreement/section.html").render(facts=facts, drawings=drawings)


def test_agreement_page_says_what_is_wrong_with_a_device_and_what_to_do(facts: Facts) -> None:
    page = page_of(facts)
    assert "cellar (raspberry-pi-5), cpu/model.tflite in litert: it answers 1 of" in page
    assert "allows (counted from 0: 2). It does not compute what was proven" in page
    assert "none of its 3 pictures is of this blind test" in page
    assert f"left aside, as not of this blind test: 1 of its {facts.pictures // 2 + 1} pictures" in page
    assert "attic (raspberry-pi-5), cpu/model.tflite in litert: the device slowed itself down" in page
    assert "0.400 / 0.500 / 1.500" in page
    assert "12.500" in page
    assert "29,296.9" in page
    assert "ai-edge-litert 2.3.0" in page


def test_agreement_page_of_a_server_that_cannot_be_asked_is_not_alarmed(facts: Facts) -> None:
    unasked = replace(facts.endpoint, failure="the package bentoml is missing", faulty=False)
    assert '"notice note">The server was not asked' in page_of(replace(facts, endpoint=unasked))
    assert '"notice bad">The server was not asked' in page_of(replace(facts, endpoint=replace(unasked, faulty=True)))


def test_agreement_page_of_a_run_without_reference_kernels_does_not_speak_of_them(facts: Facts) -> None:
    assert "the reference kernels, which define" in page_of(facts)
    page = page_of(replace(facts, reference_runtime="tensorflow", flipping=0, flips=()))
    assert "the reference kernels" not in page
    assert f"Pictures that flip with any of them: 0 of {facts.pictures}." in page


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

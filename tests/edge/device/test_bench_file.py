"""A device's bench file: what was written is read, and what cannot be is named by its field."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from edge.device.bench_file import Answered, Bench, Latency, picture_digest, read_bench, write_bench
from edge.device.errors import BadArtifact

BENCH = Bench(
    device="kitchen",
    board="raspberry-pi-5",
    runtime="litert",
    versions={"ai-edge-litert": "2.3.0", "python": "3.11.2"},
    sha256=hashlib.sha256(b"model").hexdigest(),
    latency_ms=Latency(p50=0.4, p90=0.5, p99=1.25),
    load_ms=12.5,
    peak_bytes=31_457_280,
    temperature=48.3,
    throttled=False,
    golden=Answered(labels=(1, 0), logits=((-1.0, 2.5), (0.25, 0.25))),
    blind_test=Answered(labels=(1,), pictures=(picture_digest(b"\x00\x01"),)),
)


def _nested(depth: int) -> list[Any]:
    """Lists in lists."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "kitchen.json"
    write_bench(path, BENCH)
    return path


def test_bench_file_is_read_as_it_was_written(file: Path) -> None:
    assert read_bench(file) == BENCH


def test_bench_file_is_plain_json_with_a_format(file: Path) -> None:
    body = json.loads(file.read_text())
    assert body["format"] == 1
    assert body["latency_ms"] == {"p50": 0.4, "p90": 0.5, "p99": 1.25}
    assert body["blind_test"]["pictures"] == ["b413f47d13ee2fe6c845b2ee141af81de858df4ec549a58b7970bb96645bc8d2"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", 2),
        ("device", ""),
        ("device", "\ud800"),  # half a character, which nothing can write
        ("versions", {"\udfff": "2"}),
        ("board", 5),
        ("versions", {"numpy": 2}),
        ("versions", []),
        ("sha256", "abc"),
        ("latency_ms", {"p50": 2, "p90": 1, "p99": 3}),
        ("latency_ms.p90", "0.5"),
        ("latency_ms.mean", 0.5),
        ("load_ms", -1),
        ("load_ms", float("nan")),
        ("load_ms", True),
        ("load_ms", 10**400),
        ("load_ms", 1e39),
        ("load_ms", _nested(400)),
        ("peak_bytes", 1.5),
        ("peak_bytes", 10**400),
        ("temperature", "warm"),
        ("throttled", 0),
        ("golden", None),
        ("golden.labels", [-1, 0]),
        ("golden.logits", [[1.0, 2.0]]),
        ("golden.logits", [[1.0, 2.0], [3.0]]),
        ("golden.logits", [[1.0, 2.0], [1.0, 2.0]]),  # the second label is 0
        ("golden.pictures", ["0" * 64, "1" * 64]),
        ("blind_test.pictures", []),
        ("blind_test.pictures", ["short"]),
        ("owner", "me"),
    ],
)
def test_bench_file_with_a_wrong_field_is_refused_by_its_name(file: Path, field: str, value: Any) -> None:
    body = json.loads(file.read_text())
    *place, last = field.split(".")
    inner = body
    for key in place:
        inner = inner[key]
    inner[last] = value
    file.write_text(json.dumps(body))
    with pytest.raises(BadArtifact, match=rf"kitchen\.json: {field}\b.*: received .*, expected .*run the device's"):
        read_bench(file)


@pytest.mark.parametrize("field", ["sha256", "temperature", "blind_test"])
def test_bench_file_without_a_field_is_refused_by_its_name(file: Path, field: str) -> None:
    body = json.loads(file.read_text())
    del body[field]
    file.write_text(json.dumps(body))
    with pytest.raises(BadArtifact, match=f"{field}: .*missing"):
        read_bench(file)


def test_bench_file_of_the_same_picture_twice_is_refused(file: Path) -> None:
    body = json.loads(file.read_text())
    body["blind_test"] = {"labels": [1, 1], "logits": None, "pictures": ["a" * 64] * 2}
    file.write_text(json.dumps(body))
    with pytest.raises(BadArtifact, match="each picture once"):
        read_bench(file)


@pytest.mark.parametrize("content", [b"", b"[]", b'"text"', b"\xff\xfe"])
def test_bench_file_that_is_no_object_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(BadArtifact, match="kitchen"):
        read_bench(file)


@pytest.mark.parametrize(
    "content", ["[" * 100_000, "[" * 970 + "]" * 970, "9" * 5_000, '{"load_ms": ' + "9" * 5_000 + "}"]
)
def test_bench_file_that_is_too_deep_or_too_long_is_refused(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(BadArtifact, match=r"kitchen\.json: .*(received|not readable).*; run the device's bench again"):
        read_bench(file)


def test_bench_file_with_an_unknown_field_of_half_a_character_is_refused_in_words_that_can_be_written(
    file: Path,
) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), "\ud800": 1}))
    with pytest.raises(BadArtifact, match="no such field") as caught:
        read_bench(file)
    str(caught.value).encode()


def test_bench_file_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArtifact, match="not there"):
        read_bench(tmp_path)


def test_bench_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArtifact, match="not there"):
        read_bench(tmp_path / "none.json")

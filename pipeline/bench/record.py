"""docs/benchmarks.json: one section for each benchmark, beside what machine it was measured on."""

from datetime import UTC, datetime
from typing import Any

from edge.device.files import read_json, write_json
from pipeline.machine import this_machine
from pipeline.stage import ROOT

PLACE = ROOT / "docs" / "benchmarks.json"
WORK = ROOT / "runs" / "bench"  # what benchmarks make on their way


def record(section: str, results: dict[str, Any]) -> None:
    """Put `results` in the place of those of the same names in `section`; the others stay."""
    before = read_records()
    kept = before.get(section, {})
    today = datetime.now(UTC).date().isoformat()
    PLACE.parent.mkdir(exist_ok=True)
    write_json(PLACE, {**before, section: {**kept, "date": today, "machine": this_machine(), **results}})


def read_records() -> dict[str, Any]:
    """All sections, by name."""
    return read_json(PLACE) if PLACE.exists() else {}

"""The fleet's simulation: what is counted is what the real client asks, and the paper agrees with it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from pipeline.bench.fleet.paper import days


def test_small_fleet_asks_what_the_paper_says(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    command = [sys.executable, "-m", "pipeline.bench.fleet", "--devices", "40", "--json", tmp_path / "fleet.json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "fleet.json").read_text())
    first, quiet, release = told["rounds"]
    assert [each["checks"] for each in told["rounds"]] == [40, 40, 40]
    once = dict.fromkeys(("root", "timestamp", "snapshot", "targets", "policy"), 40)
    assert first["requests"] == {**once, "bundle": 0}
    assert quiet["requests"] == {**once, "snapshot": 0, "targets": 0, "policy": 0, "bundle": 0}
    assert release["requests"] == {**once, "bundle": release["fetched"]}
    assert sum(quiet["bytes"].values()) / 40 < 20_000


def test_a_day_on_paper_adds_up() -> None:
    each = {"root": 300.0, "timestamp": 700.0, "snapshot": 700.0, "targets": 1000.0, "policy": 400.0}
    quiet, five, _, hundred = days(10_000, 24, each, 1e6)
    assert sum(quiet.requests.values()) == 480_000 and sum(quiet.bytes.values()) == 240_000_000
    assert sum(five.bytes.values()) == 240_000_000 + 21_000_000 + 500 * 10**6
    assert hundred.requests["bundle"] == 7_500

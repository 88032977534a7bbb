"""`edgewise report` as people run it."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]

from edge.device.manifest import read_manifest, verify_outputs
from pipeline.report.schema import PLACE, schema
from pipeline.report.sections import SECTIONS

Command = Callable[..., subprocess.CompletedProcess[str]]


def test_report_is_whole_and_every_section_was_measured(reported: Path) -> None:
    folder = reported / "report"
    verify_outputs(folder, read_manifest(folder))
    results = json.loads((folder / "results.json").read_text())
    assert [name for name in SECTIONS if "not_measured" in results[name]] == []


def test_results_obey_the_published_schema(reported: Path) -> None:
    published = json.loads(PLACE.read_text())
    jsonschema.Draft202012Validator.check_schema(published)
    jsonschema.validate(json.loads((reported / "report" / "results.json").read_text()), published)


def test_published_schema_is_the_one_of_the_code() -> None:
    assert json.loads(PLACE.read_text()) == schema(), "run `make schema`"


def test_second_report_is_up_to_date(edgewise: Command, quick_digits: tuple[str, ...], reported: Path) -> None:
    before = (reported / "report" / "manifest.json").stat().st_mtime_ns
    done = edgewise("report", "recipes/digits.toml", *quick_digits, "--run", reported, "--json")
    assert done.returncode == 0, done.stderr
    assert "up to date" in done.stderr
    assert json.loads(done.stdout)["proven"]["recipe"] == "digits"
    assert (reported / "report" / "manifest.json").stat().st_mtime_ns == before


def test_killed_report_goes_on_where_it_was(
    edgewise: Command, quick_digits: tuple[str, ...], reported: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(reported, tmp_path / "digits"))
    shutil.rmtree(run / "report")
    arguments = ["report", "recipes/digits.toml", *quick_digits, "--run", str(run)]
    command = [Path(sys.executable).parent / "edgewise", *arguments]
    process = subprocess.Popen(command, cwd=PLACE.parent.parent, stderr=subprocess.DEVNULL)
    first, second = (run / ".report.work" / f"{name}.json" for name in list(SECTIONS)[:2])
    while not second.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (run / "report").exists()
    kept = json.loads(first.read_text())
    first.write_text(json.dumps({**kept, "samples": 12_345}))  # shows that nobody measured it again
    second.write_text("{")  # not whole, so measured again
    done = edgewise(*arguments)
    assert done.returncode == 0, done.stderr
    results = json.loads((run / "report" / "results.json").read_text())
    assert results["significance"]["samples"] == 12_345
    assert results["agreement"]["pictures"] == kept["samples"]
    assert not first.exists()


def test_report_without_artefacts_says_what_to_do(
    edgewise: Command, quick_digits: tuple[str, ...], finished_run: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(finished_run, tmp_path / "digits", ignore=shutil.ignore_patterns("export", "report")))
    done = edgewise("report", "recipes/digits.toml", *quick_digits, "--run", run)
    assert done.returncode == 2
    assert "edgewise export" in done.stderr
    assert "Traceback" not in done.stderr

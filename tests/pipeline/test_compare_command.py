"""edgewise compare, as people run it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


def test_compare_prints_a_table_and_json(edgewise: Command, finished_run: Path) -> None:
    artefacts = (finished_run / "export" / "cpu", finished_run / "export" / "coral")
    done = edgewise("compare", *artefacts, "--runtime", "litert")
    assert done.returncode == 0, done.stderr
    for words in (
        "model.tflite in litert",
        "points of top-1",
        "none shown",
        "the same 179 pictures",
        "the same label from both",
    ):
        assert words in done.stdout
    found = json.loads(edgewise("compare", *artefacts, "--runtime", "litert", "--json").stdout)
    assert found["matches"][0]["pairing"]["agreement"] == 1.0
    assert found["first"] == str(artefacts[0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("{run}", "{run}/export/cpu"), "is a run and"),
        (("{run}", "{run}/data"), "neither a run"),
        (("{run}", "{run}/nowhere"), "not there"),
        (("{run}/export/cpu", "{run}/export/coral", "--runtime", "toaster"), "runtime 'toaster'"),
        (("{run}", "{run}", "--runtime", "litert"), "go with two artefacts"),
        (("{run}/export/cpu", "{run}/export/coral", "--data", "{run}/nowhere"), "not there"),
    ],
)
def test_compare_refuses_bad_input_in_one_message(
    edgewise: Command, finished_run: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = edgewise("compare", *(each.format(run=finished_run) for each in arguments))
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr

"""A package's server is started before the package is handed out; a bad one is told in the server's own words."""

import shutil
from pathlib import Path

import pytest

from edge.device.errors import ProofFailed
from serving.package.trial import try_out
from serving.settings import Settings

SMALL = Settings(artifact=Path("artifact"), pixels=1_000_000)


def test_trial_measures_memory_and_the_time_to_ready(own_package: Path) -> None:
    trial = try_out(own_package, SMALL, pictures=16)
    assert 0.1 < trial.ready < 60
    assert 50 * 2**20 < trial.resident <= trial.peak
    larger = try_out(own_package, Settings(artifact=Path("artifact"), pixels=16_000_000), pictures=1)
    assert larger.peak > trial.peak + 4 * 15_000_000  # four bytes a transparent pixel, at the least
    assert not list(own_package.rglob("__pycache__"))


def test_trial_fails_where_the_artefact_was_damaged(own_package: Path) -> None:
    (own_package / "artifact" / "golden.npz").write_bytes(b"")
    with pytest.raises(ProofFailed, match=r"does not start: .*golden\.npz: SHA-256"):
        try_out(own_package, SMALL, pictures=1)


def test_trial_fails_where_a_module_was_left_out(own_package: Path) -> None:
    """The package's own source is what runs, not that of the repository, which lies on the path too."""
    shutil.rmtree(own_package / "serving" / "static")
    (own_package / "serving" / "health.py").unlink()
    with pytest.raises(ProofFailed, match="does not start"):
        try_out(own_package, SMALL, pictures=1)


def test_trial_fails_where_a_picture_is_not_answered(own_package: Path) -> None:
    with pytest.raises(ProofFailed, match=r"came up, and then: GET /examples/16\.png was answered 404"):
        try_out(own_package, SMALL, pictures=17)

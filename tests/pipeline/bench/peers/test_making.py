"""Peers' programs, really started."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge.device.errors import Unavailable
from pipeline.bench.peers.candidates import PEERS
from pipeline.bench.peers.making import make_file, versions

# The quickest program to start, with our own interpreter in place of an environment that takes a download.
QUICK = replace(PEERS["ONNX Runtime"], lock=None)


def test_a_program_that_fails_is_unavailable_with_the_last_that_it_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"onnxruntime_static.py: exit status 1: .*(float.onnx|sympy)"):
        make_file(QUICK, 0, tmp_path)


def test_a_file_of_another_program_is_made_again(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        make_file(QUICK, 3, tmp_path)
    (unfinished,) = (tmp_path / "peers").iterdir()
    place = unfinished.rename(unfinished.with_name("onnxruntime_static-3"))
    (place / "made-from").write_text("another program")
    with pytest.raises(Unavailable):
        make_file(QUICK, 3, tmp_path)


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_tells_its_versions(name: str) -> None:
    found = versions(PEERS[name])
    assert set(found) == set(PEERS[name].packages)
    assert all(value[0].isdigit() for value in found.values())

"""Several workers: counted together, started anew, and ended with each other."""

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from edge.device.manifest import hash_outputs, read_manifest, write_manifest

StartServer = Callable[..., AbstractContextManager[Any]]
Command = Callable[..., subprocess.CompletedProcess[str]]
Encode = Callable[..., bytes]
Eventually = Callable[..., bool]


def workers_of(server: Any) -> list[int]:
    """Their process ids; those that have ended are not among them."""
    found = []
    for child in psutil.Process(server.process.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):  # ended, waited for or not
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child.pid)
    return found


def counted(server: Any) -> float:
    """Answers to /predict with status 200."""
    name = 'edgewise_requests_total{route="/predict",status="200"} '
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


@pytest.mark.parametrize(("broken", "code"), [("file", 2), ("vector", 3)])
def test_server_ends_where_its_artefact_is_no_good(
    edgewise: Command, own_artifact: Path, broken: str, code: int
) -> None:
    file = own_artifact / "golden.npz"
    if broken == "file":
        file.write_bytes(b"no archive")
    else:
        with np.load(file) as arrays:
            golden = dict(arrays)
        golden["outputs"][7, 3] += 5
        np.savez_compressed(file, **golden)
    write_manifest(own_artifact, replace(read_manifest(own_artifact), outputs=hash_outputs(own_artifact)))
    done = edgewise("serve", own_artifact, "--port", 0, "--workers", 2, timeout=60)
    assert done.returncode == code
    assert {"file": "no golden vectors", "vector": "golden vector 7 differs by 5"}[broken] in done.stderr
    assert "Traceback" not in done.stderr


def test_workers_count_together_and_one_that_died_is_started_anew(
    start_server: StartServer, encode: Encode, eventually: Eventually
) -> None:
    with start_server("--workers", 2) as server:
        assert eventually(lambda: len(workers_of(server)) == 2)
        before = workers_of(server)
        picture = encode(server.golden.inputs[0])
        for _ in range(20):
            assert httpx.post(f"{server.url}/predict", files={"image": picture}).is_success
        # A worker tells the others every second; whichever is asked adds them up, and by then both know it.
        assert eventually(lambda: all(counted(server) == 20 for _ in range(20)))
        os.kill(before[0], signal.SIGKILL)
        assert eventually(lambda: len(set(workers_of(server)) - {before[0]}) == 2)
        assert before[1] in workers_of(server)
        assert httpx.post(f"{server.url}/predict", files={"image": picture}).is_success
        assert eventually(lambda: counted(server) == 21)


def test_worker_that_cannot_start_does_not_end_the_others(
    start_server: StartServer, own_artifact: Path, encode: Encode, eventually: Eventually
) -> None:
    away = own_artifact.with_name("away")
    with start_server("--workers", 2, artifact=own_artifact, errors=True) as server:
        picture = encode(server.golden.inputs[0])
        own_artifact.rename(away)
        os.kill(workers_of(server)[0], signal.SIGKILL)
        assert eventually(lambda: "ERROR a worker could not start" in server.log.read_text())
        for _ in range(5):
            assert httpx.post(f"{server.url}/predict", files={"image": picture}).is_success
        away.rename(own_artifact)
        server.process.send_signal(signal.SIGHUP)  # tried at once, not in five seconds
        assert eventually(lambda: len(workers_of(server)) == 2)
        assert httpx.post(f"{server.url}/predict", files={"image": picture}).is_success
        assert server.process.poll() is None


def test_workers_end_with_a_killed_supervisor_and_the_next_server_cleans_up(
    start_server: StartServer, tmp_path: Path, eventually: Eventually
) -> None:
    variables = {"TMPDIR": str(tmp_path)}
    with start_server("--workers", 2, variables=variables) as server:
        workers = workers_of(server)
        server.process.kill()
        assert eventually(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(server.address)
    left = set(tmp_path.iterdir())
    assert len(left) == 1
    with start_server("--workers", 2, variables=variables):
        mine = set(tmp_path.iterdir()) - left
        with start_server("--workers", 2, variables=variables):
            assert mine <= set(tmp_path.iterdir())
        assert not left & set(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())

"""Versions change, workers crash, and whoever asks is answered."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.device.serve.loop import CONNECTIONS
from edge.device.slots import Root, server_of, switch

StartDevice = Callable[..., AbstractContextManager[Any]]
MakeSlot = Callable[[Path, str, str], Path]
Eventually = Callable[..., bool]


class Hammer:
    """Clients that ask for a picture's label without a pause, some over one connection, some over a new one each."""

    def __init__(self, server: Any, picture: bytes) -> None:
        self._server, self._picture = server, picture
        self._stop = threading.Event()
        self.failures: list[str] = []
        self.answers: list[tuple[float, float, str]] = []  # when it came, seconds it took, version
        self._threads = [threading.Thread(target=self._ask, args=(keeps,)) for keeps in (True, True, False, False)]

    def __enter__(self) -> Hammer:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, keeps: bool) -> None:
        connection = self._server.connect()
        while not self._stop.is_set():
            start = time.perf_counter()
            try:
                connection.request("POST", "/predict", self._picture, {"content-type": "image/png"})
                answer = connection.getresponse()
                body = json.loads(answer.read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.failures.append(repr(error))
                connection.close()
                continue
            end = time.perf_counter()
            if answer.status != 200:
                self.failures.append(f"{answer.status} {body}")
            else:
                self.answers.append((end, end - start, body["model"]["version"]))
            if not keeps:
                connection.close()
        connection.close()


def serving(server: Any, slot: str) -> Callable[[], bool]:
    """Whether serve.json says that the slot is served."""
    return lambda: (server.record["slot"], server.record["state"]) == (slot, "serving")


def refused(server: Any, slot: str) -> Callable[[], bool]:
    return lambda: (server.record["refused"] or {}).get("slot") == slot


def test_switches_under_load_fail_no_request(
    start_device: StartDevice, installed: Root, make_slot: MakeSlot, picture: bytes, eventually: Eventually
) -> None:
    with start_device(installed.path) as server, Hammer(server, picture) as hammer:
        for number in range(1, 6):
            letter = "ba"[(number - 1) % 2]
            slot, version = make_slot(installed.path, letter, f"1.{number}.0"), f"1.{number}.0"
            start = time.perf_counter()
            switch(installed, slot)
            assert eventually(lambda wanted=version: any(each[2] == wanted for each in hammer.answers[-50:]))
            first = next(came for came, _, told in hammer.answers if told == version)
            assert eventually(serving(server, letter))
            print(f"switch {number}: {1000 * (first - start):.0f} ms from the rename to the first answer")  # noqa: T201 - a figure to be read
        assert server.record["version"] == "1.5.0"
        assert eventually(lambda: len(server.workers) == 1)
    assert hammer.failures == []
    assert {version for _, _, version in hammer.answers} == {f"1.{number}.0" for number in range(6)}
    longest = max(each[1] for each in hammer.answers)
    print(f"{len(hammer.answers)} answers, the longest took {1000 * longest:.1f} ms")  # noqa: T201


def test_idle_connection_outlives_a_switch(
    start_device: StartDevice, installed: Root, make_slot: MakeSlot, picture: bytes, eventually: Eventually
) -> None:
    with start_device(installed.path) as server:
        connection = server.connect()
        with contextlib.closing(connection):
            for number in range(3):
                connection.request("POST", "/predict", picture, {"content-type": "image/png"})
                assert json.loads(connection.getresponse().read())["model"]["version"] == f"1.{number}.0"
                port = connection.sock.getsockname()[1]
                letter = "ba"[number % 2]
                switch(installed, make_slot(installed.path, letter, f"1.{number + 1}.0"))
                assert eventually(serving(server, letter))
                assert connection.sock.getsockname()[1] == port


def break_vectors(slot: Path) -> None:
    path = slot / "artifact" / "golden.npz"
    with np.load(path) as arrays:
        golden = dict(arrays)
    golden["outputs"][7] += 5
    np.savez_compressed(path, **golden)


def break_runner(slot: Path) -> None:
    (slot / "edgewise-device.pyz").write_text("import sys\nsys.exit(7)\n")


def break_runner_by_signal(slot: Path) -> None:
    (slot / "edgewise-device.pyz").write_text("import os\nos.abort()\n")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (break_vectors, "golden vector"),
        (break_runner, "its worker ended with 7"),
        (break_runner_by_signal, f"its worker ended by signal {int(signal.SIGABRT)}"),
    ],
)
def test_broken_version_leaves_the_old_one_serving(
    spoil: Callable[[Path], None],
    reason: str,
    start_device: StartDevice,
    installed: Root,
    make_slot: MakeSlot,
    picture: bytes,
    eventually: Eventually,
) -> None:
    with start_device(installed.path) as server, Hammer(server, picture) as hammer:
        slot = make_slot(installed.path, "b", "2.0.0")
        spoil(slot)
        switch(installed, slot)
        assert eventually(refused(server, "b"))
        record = server.record
        assert (record["slot"], record["state"], record["version"]) == ("a", "serving", "1.0.0")
        assert (record["refused"]["version"], record["refused"]["attempt"]) == ("2.0.0", 1)
        assert reason in record["refused"]["reason"]
        switch(installed, installed.slots / "a")
        switch(installed, make_slot(installed.path, "b", "2.0.1"))
        assert eventually(serving(server, "b"))
        assert server.record["refused"] is None
    assert hammer.failures == []


def test_version_that_hangs_is_given_up_when_another_is_wanted(
    start_device: StartDevice, installed: Root, make_slot: MakeSlot, picture: bytes, eventually: Eventually
) -> None:
    with start_device(installed.path) as server, Hammer(server, picture) as hammer:
        slot = make_slot(installed.path, "b", "2.0.0")
        (slot / "edgewise-device.pyz").write_text("import signal\nsignal.pause()\n")
        switch(installed, slot)
        assert eventually(lambda: len(server.workers) == 2)
        assert server.record["slot"] == "a"
        switch(installed, installed.slots / "a")
        assert eventually(lambda: len(server.workers) == 1)
        assert server.record["slot"] == "a"
    assert hammer.failures == []


def test_first_version_may_come_after_the_server(
    start_device: StartDevice, make_slot: MakeSlot, tmp_path: Path, eventually: Eventually
) -> None:
    root = Root(path=tmp_path / "new")
    with start_device(root.path, state="failed") as server:
        assert server.record["reason"] == "nothing is installed"
        with pytest.raises(ConnectionRefusedError):
            server.ask("GET", "/livez")
        switch(root, make_slot(root.path, "a", "1.0.0"))
        assert eventually(serving(server, "a"))
        assert server.ask("GET", "/readyz") == (
            200,
            {"ready": True, "name": "tiny", "version": "1.0.0", "runtime": "litert", "slot": "a", "fallback": []},
        )


def test_server_starts_with_the_other_version_where_the_one_in_use_is_broken(
    start_device: StartDevice, installed: Root, make_slot: MakeSlot
) -> None:
    slot = make_slot(installed.path, "b", "2.0.0")
    break_vectors(slot)
    switch(installed, slot)
    with start_device(installed.path) as server:
        assert (server.record["slot"], server.record["refused"]["slot"]) == ("a", "b")


def test_killed_worker_is_replaced_and_requests_wait_for_it(
    start_device: StartDevice, installed: Root, picture: bytes, eventually: Eventually
) -> None:
    with start_device(installed.path) as server:
        (before,) = server.workers
        os.kill(before, signal.SIGKILL)
        assert eventually(lambda: before not in server.workers)
        assert server.ask("POST", "/predict", picture)[0] == 200
        (after,) = server.workers
        assert after != before


def test_worker_ends_with_a_killed_supervisor_and_the_port_is_free(
    start_device: StartDevice, installed: Root, picture: bytes, eventually: Eventually
) -> None:
    with start_device(installed.path) as server:
        (worker,) = server.workers
        assert server_of(installed) is not None
        os.kill(server.process.pid, signal.SIGKILL)
        assert eventually(lambda: not Path(f"/proc/{worker}").exists())
        assert server_of(installed) is None
        with socket.create_server(("127.0.0.1", server.port)):
            pass
        with start_device(installed.path, "--port", server.port) as again:
            assert again.ask("POST", "/predict", picture)[0] == 200


def test_killed_supervisor_ends_a_worker_that_is_loading(
    start_device: StartDevice, installed: Root, make_slot: MakeSlot, eventually: Eventually
) -> None:
    with start_device(installed.path) as server:
        switch(installed, make_slot(installed.path, "b", "2.0.0"))
        assert eventually(lambda: len(server.workers) == 2)
        workers = server.workers
        os.kill(server.process.pid, signal.SIGKILL)
        assert eventually(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))


def test_sigterm_lets_requests_end(start_device: StartDevice, installed: Root, picture: bytes) -> None:
    with start_device(installed.path) as server:
        client = socket.create_connection(("127.0.0.1", server.port))
        head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {len(picture)}\r\n\r\n"
        client.sendall(head.encode() + picture[:10])
        assert server.ask("GET", "/livez")[0] == 200  # the worker has read what came before
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionRefusedError):
            while True:
                socket.create_connection(("127.0.0.1", server.port)).close()
        client.sendall(picture[10:])
        answer = b"".join(iter(lambda: client.recv(65536), b""))
        client.close()
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"connection: close\r\n" in answer
        assert server.process.wait(30) == 0
        assert not installed.server.exists()


def test_second_server_of_a_folder_is_refused(start_device: StartDevice, installed: Root) -> None:
    with start_device(installed.path):
        command = [sys.executable, "-m", "edge.device", "serve", "--root", str(installed.path), "--port", "0"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=installed.path, check=False)
        assert (done.returncode, "a server runs there already" in done.stderr) == (2, True)


def test_bundle_by_name_is_served_without_a_folder(artifact: Path, picture: bytes, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge.device", "serve", "--bundle", str(artifact), "--port", "0"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env={**os.environ, "EDGEWISE_ROOT": str(tmp_path)}
    ) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "serving tiny 1.0.0 in litert on " in line)
        connection = http.client.HTTPConnection(line.rpartition("http://")[2].strip(), timeout=30)
        connection.request("POST", "/predict?top=1", picture, {"content-type": "image/png"})
        assert json.loads(connection.getresponse().read())["model"]["version"] == "1.0.0"
        process.terminate()
        assert process.wait(30) == 0
        connection.close()
    assert list(tmp_path.iterdir()) == []


def test_bundle_by_name_that_is_broken_ends_the_server(artifact: Path, tmp_path: Path) -> None:
    shutil.copytree(artifact, tmp_path / "artifact")
    break_vectors(tmp_path)
    command = [sys.executable, "-m", "edge.device", "serve", "--bundle", str(tmp_path / "artifact"), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False)
    assert done.returncode != 0
    assert "golden vector" in done.stderr
    assert "Traceback" not in done.stderr


RUNNER_WITH_AN_ACCELERATOR = """
import fcntl, sys
from edge.device import __main__
from edge.device.serve import worker

accelerator = open({path!r}, "a")
fcntl.flock(accelerator, fcntl.LOCK_EX | fcntl.LOCK_NB)
worker._EXCLUSIVE = ("litert",)
sys.exit(__main__.main())
"""


def test_accelerator_of_one_process_is_freed_before_the_next_takes_it(
    start_device: StartDevice, installed: Root, make_slot: MakeSlot, picture: bytes, eventually: Eventually
) -> None:
    runner = RUNNER_WITH_AN_ACCELERATOR.format(path=str(installed.path / "accelerator"))
    (installed.slots / "a" / "edgewise-device.pyz").write_text(runner)
    with start_device(installed.path) as server, Hammer(server, picture) as hammer:
        for number in (1, 2):
            slot = make_slot(installed.path, "ba"[number - 1], f"1.{number}.0")
            (slot / "edgewise-device.pyz").write_text(runner)
            switch(installed, slot)
            assert eventually(serving(server, slot.name))
        assert server.record["refused"] is None
        slot = make_slot(installed.path, "b", "2.0.0")
        (slot / "edgewise-device.pyz").write_text(runner)
        break_vectors(slot)
        switch(installed, slot)
        assert eventually(refused(server, "b"))
        assert eventually(lambda: server.ask("POST", "/predict", picture)[1]["model"]["version"] == "1.2.0")
    assert hammer.failures == []


def test_idle_connections_wait_for_the_next_version(
    start_device: StartDevice, installed: Root, make_slot: MakeSlot, picture: bytes, eventually: Eventually
) -> None:
    runner = RUNNER_WITH_AN_ACCELERATOR.format(path=str(installed.path / "accelerator"))
    (installed.slots / "a" / "edgewise-device.pyz").write_text(runner)
    with start_device(installed.path) as server, contextlib.ExitStack() as stack:
        connections = [stack.enter_context(contextlib.closing(server.connect())) for _ in range(CONNECTIONS - 6)]
        for connection in connections:
            connection.request("GET", "/livez")
            assert connection.getresponse().read() == b"alive\n"
        slot = make_slot(installed.path, "b", "1.1.0")
        (slot / "edgewise-device.pyz").write_text(runner)
        switch(installed, slot)
        assert eventually(lambda: len(server.workers) == 1 and server.record["slot"] == "b")
        for connection in connections:
            connection.request("POST", "/predict", picture, {"content-type": "image/png"})
            assert json.loads(connection.getresponse().read())["model"]["version"] == "1.1.0"


def test_version_that_crashes_in_use_gives_way_to_the_other(
    start_device: StartDevice, installed: Root, make_slot: MakeSlot, eventually: Eventually
) -> None:
    with start_device(installed.path) as server:
        slot = make_slot(installed.path, "b", "2.0.0")
        (slot / "edgewise-device.pyz").write_text(
            "import os, sys, threading\nfrom edge.device import __main__\nfrom edge.device.serve import worker\n"
            "run = worker.Loop.run\n"
            "worker.Loop.run = lambda loop: (threading.Timer(0.2, os.abort).start(), run(loop))\n"
            "sys.exit(__main__.main())\n"
        )
        switch(installed, slot)
        assert eventually(refused(server, "b"))
        assert eventually(serving(server, "a"))
        assert "again and again" in server.record["refused"]["reason"]


FAULTY_RUNNER = """
import dataclasses, itertools, sys
from edge.device import __main__
from edge.device.serve import worker

class Faulty:
    def __init__(self, executor):
        self._executor, self._calls = executor, itertools.count()
    def run(self, batch):
        if next(self._calls) >= 3:  # the first measures
            raise RuntimeError("the accelerator was unplugged")
        return self._executor.run(batch)

load = worker.load
def load_faulty(*arguments, **options):
    loaded = load(*arguments, **options)
    return dataclasses.replace(loaded, executor=Faulty(loaded.executor))

worker.load = load_faulty
sys.exit(__main__.main())
"""


def test_runtime_that_breaks_is_loaded_again(start_device: StartDevice, installed: Root, picture: bytes) -> None:
    (installed.slots / "a" / "edgewise-device.pyz").write_text(FAULTY_RUNNER)
    with start_device(installed.path) as server:
        statuses = [server.ask("POST", "/predict", picture)[0] for _ in range(7)]
        assert statuses == [200, 200, 500, 500, 500, 200, 200]
        server.log.write_text(server.log.read_text().replace("Traceback", "traceback"))


IMPATIENT = """
import sys
from edge.device import __main__
from edge.device.serve import child

child.SILENCE_SECONDS = 3.0
sys.exit(__main__.main())
"""


def test_worker_that_hangs_is_replaced(start_device: StartDevice, installed: Root, picture: bytes) -> None:
    with start_device(installed.path, program=("-c", IMPATIENT)) as server:
        (worker,) = server.workers
        os.kill(worker, signal.SIGSTOP)
        assert server.ask("POST", "/predict", picture)[0] == 200
        assert server.workers != [worker]


def test_disk_that_takes_nothing_keeps_nobody_from_an_answer(
    start_device: StartDevice, installed: Root, make_slot: MakeSlot, picture: bytes, eventually: Eventually
) -> None:
    with start_device(installed.path) as server:
        (installed.path / ".serve.json.partial").mkdir()  # nothing can be written under this name any more
        switch(installed, make_slot(installed.path, "b", "2.0.0"))
        assert eventually(lambda: server.ask("POST", "/predict", picture)[1]["model"]["version"] == "2.0.0")

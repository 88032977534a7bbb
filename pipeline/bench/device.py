"""`python -m pipeline.bench.device ARTIFACT`: the device's runner, measured on this machine.

How soon it answers beside the bare import of numpy and the runtime, what its processes hold, how many requests it
answers, and whether a switch of versions keeps anybody waiting.
"""

import contextlib
import http.client
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from edge.bundle.runner import runner
from edge.device.contract import read_contract, write_contract
from edge.device.files import write_json
from edge.device.golden import read_golden
from edge.device.slots import RUNNER, Root, switch
from pipeline.bench.process_tree import Memory, parse_rollup, processes_below

_MIB = 2**20
_IMPORTS = {"litert": "from ai_edge_litert.interpreter import Interpreter", "onnxruntime": "import onnxruntime"}
# What anybody's program would do with the same file: nothing of ours.
_BARE = {
    "litert": "i = Interpreter({file!r}); i.allocate_tensors(); i.invoke()",
    "onnxruntime": "s = onnxruntime.InferenceSession({file!r}, providers=['CPUExecutionProvider'])",
}


@dataclass
class Clients:
    """Ask /predict at a pace, some over a connection that they keep, some over a new one each time."""

    port: int
    picture: bytes
    pause: float
    stop: threading.Event = field(default_factory=threading.Event)
    failures: list[str] = field(default_factory=list)
    answers: list[tuple[float, float, str]] = field(default_factory=list)  # when it was asked, seconds, version

    @contextlib.contextmanager
    def asking(self, kept: int, fresh: int) -> Iterator[None]:
        threads = [threading.Thread(target=self._ask, args=(at < kept,)) for at in range(kept + fresh)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()

    def _ask(self, keeps: bool) -> None:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self.stop.wait(self.pause):
            start = time.perf_counter()
            try:
                client.request("POST", "/predict", self.picture, {"content-type": "image/png"})
                answer = client.getresponse()
                body = json.loads(answer.read())
                self.answers.append((start, time.perf_counter() - start, body["model"]["version"]))
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                self.failures.append(repr(error))
                client.close()
            if not keeps:
                client.close()
        client.close()


@click.command()
@click.argument("artifact", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--python", default=sys.executable, help="The device's Python, which has numpy, Pillow and the runtime.")
@click.option("--switches", default=20, show_default=True)
@click.option("--pause", default=0.01, show_default=True, help="Seconds between a client's requests during switches.")
def main(artifact: Path, python: str, switches: int, pause: float) -> None:
    """Measure the device's runner with ARTIFACT, a folder of export/; prints JSON."""
    contract = read_contract(artifact)
    with tempfile.TemporaryDirectory(prefix="edgewise-device-") as folder:
        root = Root(path=Path(folder) / "edgewise")
        for letter, version in (("a", "1.0.0"), ("b", "1.1.0")):
            _lay_down(artifact, root, letter, version)
        switch(root, root.slots / "a")
        told: dict[str, Any] = {
            "model": contract.name,
            "runtime": contract.fastest,
            "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "load_average": os.getloadavg()[0]},
            "start": _measure_start(python, root, contract.fastest),
        }
        with _serving(python, root) as process:
            record = json.loads(root.server.read_text())
            told["memory"] = _measure_memory(python, root, contract.fastest, process, record["port"])
            told["requests"] = _measure_requests(root, record["port"])
            told["switches"] = _measure_switches(root, record["port"], switches, pause)
    click.echo(json.dumps(told, indent=2))


def _lay_down(artifact: Path, root: Root, letter: str, version: str) -> None:
    slot = root.slots / letter
    shutil.copytree(artifact, slot / "artifact")
    write_contract(slot / "artifact", replace(read_contract(artifact), version=version))
    (slot / RUNNER).write_bytes(runner())
    write_json(slot / "bundle.json", {"version": version, "target": read_contract(artifact).target})


def _measure_start(python: str, root: Root, runtime: str) -> dict[str, float]:
    """Milliseconds, medians of seven: of a process that imports numpy and the runtime, and of the runner, answering."""
    frame = read_golden(root.slots / "a" / "artifact").inputs[0].tobytes()
    bare = [python, "-c", f"import numpy; {_IMPORTS[runtime]}"]
    whole = [python, str(root.slots / "a" / RUNNER), "run", "--root", str(root.path), "-"]
    seconds: dict[str, list[float]] = {"import": [], "answer": []}
    for _ in range(7):
        for name, command in (("import", bare), ("answer", whole)):
            start = time.perf_counter()
            subprocess.run(command, input=frame, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            seconds[name].append(time.perf_counter() - start)
    imported, answered = (1000 * statistics.median(seconds[name]) for name in ("import", "answer"))
    return {
        "import_ms": round(imported, 1),
        "answer_ms": round(answered, 1),
        "beside_import_ms": round(answered - imported, 1),
    }


@contextlib.contextmanager
def _serving(python: str, root: Root) -> Iterator["subprocess.Popen[bytes]"]:
    command = [python, str(root.slots / "a" / RUNNER), "serve", "--root", str(root.path), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        _wait_for(root, "1.0.0")
        try:
            yield process
        finally:
            process.terminate()


def _wait_for(root: Root, version: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError):
            if json.loads(root.server.read_text())["version"] == version:
                return
        time.sleep(0.002)
    raise click.ClickException(f"{version} is not served after a minute")


def _measure_memory(
    python: str, root: Root, runtime: str, process: "subprocess.Popen[bytes]", port: int
) -> dict[str, Any]:
    """MiB of the supervisor, of the worker after 500 requests, and of a bare process with the same model loaded."""
    clients = Clients(port=port, picture=_picture(root), pause=0.0)
    with clients.asking(1, 0):
        while len(clients.answers) < 500:
            time.sleep(0.01)
    artifact = root.slots / "a" / "artifact"
    file = str(artifact / read_contract(artifact).file_for(runtime))
    program = f"import numpy; {_IMPORTS[runtime]}; {_BARE[runtime].format(file=file)}; print(flush=True); input()"
    with subprocess.Popen(
        [python, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as bare:
        if bare.stdin is None or bare.stdout is None:
            raise click.ClickException("the bare process has no pipes")
        bare.stdout.readline()
        (worker,) = (each.pid for each in processes_below(process.pid) if each.pid != process.pid)
        held = {"supervisor": process.pid, "worker": worker, "bare": bare.pid}
        found = {name: _memory(pid) for name, pid in held.items()}
        bare.stdin.close()
    return {
        **{
            name: {"resident": _mib(each.resident), "proportional": _mib(each.proportional)}
            for name, each in found.items()
        },
        "worker_beside_bare": {
            "resident": _mib(found["worker"].resident - found["bare"].resident),
            "proportional": _mib(found["worker"].proportional - found["bare"].proportional),
        },
    }


def _measure_requests(root: Root, port: int) -> dict[str, Any]:
    """Answers a second, and milliseconds, of clients that ask without a pause."""
    found: dict[str, Any] = {}
    for name, kept, fresh in (("one kept", 1, 0), ("one new each", 0, 1), ("four kept", 4, 0)):
        clients = Clients(port=port, picture=_picture(root), pause=0.0)
        with clients.asking(kept, fresh):
            start = time.perf_counter()
            time.sleep(4)  # the span that is measured
            seconds = time.perf_counter() - start
        taken = [took for _, took, _ in clients.answers]
        found[name] = {
            "a_second": round(len(taken) / seconds),
            "p50_ms": _percentile(taken, 50),
            "p99_ms": _percentile(taken, 99),
            "failures": len(clients.failures),
        }
    return found


def _measure_switches(root: Root, port: int, switches: int, pause: float) -> dict[str, Any]:
    """What clients see while versions change: requests that began within a switch, and all others."""
    clients = Clients(port=port, picture=_picture(root), pause=pause)
    spans, firsts = [], []
    with clients.asking(2, 2):
        time.sleep(3)  # the usual, before anything happens
        for number in range(switches):
            letter, version = ("b", "1.1.0") if number % 2 == 0 else ("a", "1.0.0")
            start = time.perf_counter()
            switch(root, root.slots / letter)
            _wait_for(root, version)
            time.sleep(0.3)  # the old worker's last requests
            end = time.perf_counter()
            spans.append((start, end))
            firsts.append(
                min(at + took for at, took, told in clients.answers if at > start and told == version) - start
            )
            time.sleep(0.7)  # the usual again
    within = [took for at, took, _ in clients.answers if any(start <= at <= end for start, end in spans)]
    usual = [took for at, took, _ in clients.answers if not any(start <= at <= end for start, end in spans)]
    return {
        "switches": switches,
        "requests": len(clients.answers),
        "failures": len(clients.failures),
        "to_first_answer_ms": {"median": _ms(statistics.median(firsts)), "longest": _ms(max(firsts))},
        "within_a_switch_ms": {
            "p50": _percentile(within, 50),
            "p99": _percentile(within, 99),
            "longest": _ms(max(within)),
        },
        "otherwise_ms": {"p50": _percentile(usual, 50), "p99": _percentile(usual, 99), "longest": _ms(max(usual))},
    }


def _picture(root: Root) -> bytes:
    """A golden picture as PNG."""
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(read_golden(root.slots / "a" / "artifact").inputs[0].squeeze()).save(file, "PNG")
    return file.getvalue()


def _memory(pid: int) -> Memory:
    return parse_rollup(Path(f"/proc/{pid}/smaps_rollup").read_text())


def _mib(count: int) -> float:
    return round(count / _MIB, 1)


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 2)


def _percentile(seconds: Sequence[float], share: int) -> float:
    """Milliseconds that so many of 100 take at most."""
    return _ms(sorted(seconds)[-(-len(seconds) * share // 100) - 1])


if __name__ == "__main__":
    main()

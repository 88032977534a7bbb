"""The process as shells and service managers see it: its signals, its environment, its exit codes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

StartServer = Callable[..., AbstractContextManager[Any]]
Encode = Callable[..., bytes]
Eventually = Callable[..., bool]

KEY = "k" * 24


def start_bare(run: Path, **variables: str) -> "subprocess.Popen[str]":
    """`python -m serving`, not yet ready, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "serving"],
        env={**os.environ, "EDGEWISE_ARTIFACT": str(run), "EDGEWISE_PORT": "0", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def holds_back_hangup(process: "subprocess.Popen[str]") -> bool:
    """By the mask of blocked signals, proc_pid_status(5)."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    mask = next(line for line in status.splitlines() if line.startswith("SigBlk:"))
    return bool(int(mask.split()[1], 16) & 1 << signal.SIGHUP - 1)


@pytest.mark.parametrize("seconds", [0.4, 0.7, 1.1])
def test_ctrl_c_in_the_middle_of_the_start_ends_without_a_traceback(finished_run: Path, seconds: float) -> None:
    process = start_bare(finished_run, EDGEWISE_WORKERS="2")
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    output, _ = process.communicate(timeout=20)
    assert "Traceback" not in output
    assert process.returncode == 130


def test_hangup_in_the_middle_of_the_start_is_kept(finished_run: Path, eventually: Eventually) -> None:
    process = start_bare(finished_run)
    try:
        assert eventually(lambda: holds_back_hangup(process))
        process.send_signal(signal.SIGHUP)
        assert process.stdout is not None
        assert any(line.startswith("serving digits") for line in process.stdout)
        # Starting a thread, as the reload does, blocks all signals for a moment (glibc's pthread_create).
        assert eventually(lambda: not holds_back_hangup(process))
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGTERM
    assert "Traceback" not in output


def test_command_line_lays_its_options_over_the_environment(
    start_server: StartServer, tmp_path: Path, encode: Encode
) -> None:
    (tmp_path / "serving.py").write_text("raise SystemExit('the current folder is not to be searched')")
    keys = tmp_path / "keys.txt"
    keys.write_text(KEY)
    variables = {
        "EDGEWISE_API_KEY_FILE": str(keys), "EDGEWISE_BODY_BYTES": "100", "EDGEWISE_RUNTIME": "onnx",
        "EDGEWISE_ORIGINS": "https://a.example https://b.example", "EDGEWISE_WORKERS": "", "EDGEWISE_SUPERVISOR": "1",
    }  # fmt: skip
    with start_server("--runtime", "litert", "--host", "0.0.0.0", variables=variables, cwd=tmp_path) as server:  # noqa: S104
        url = server.url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        files = {"image": encode(np.zeros((200, 200), np.uint8))}
        assert httpx.post(f"{url}/predict", files=files).status_code == 401
        assert httpx.post(f"{url}/predict", files=files, headers={"x-api-key": KEY}).status_code == 413
        assert httpx.get(f"{url}/model.json").json()["runtime"] == "litert"
        origin = {"origin": "https://b.example"}
        assert httpx.get(f"{url}/livez", headers=origin).headers["access-control-allow-origin"] == "https://b.example"
    assert "anyone" not in server.log.read_text()

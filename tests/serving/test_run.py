"""Starting, reloading, draining, refusing: the server as its operators see it."""

import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from edge.device.contract import read_contract
from edge.device.files import sha256_of, write_json
from edge.device.manifest import hash_outputs, read_manifest, write_manifest

StartServer = Callable[..., AbstractContextManager[Any]]
Command = Callable[..., subprocess.CompletedProcess[str]]
Encode = Callable[..., bytes]
Eventually = Callable[..., bool]

KEY = "k" * 12 + "-first-key"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    file = tmp_path / "keys.txt"
    file.write_text(f"{KEY}\n{'z' * 24}\n")
    return file


def seal(artifact: Path) -> None:
    """Write the manifest anew, as an export would: what is in the folder is what was meant."""
    from dataclasses import replace

    manifest = read_manifest(artifact)
    write_manifest(artifact, replace(manifest, outputs=hash_outputs(artifact)))


def change_label(artifact: Path, label: str) -> None:
    """Another artefact: the same model, whose label "0" is called `label`."""
    import json

    file = artifact / "contract.json"
    body = json.loads(file.read_text())
    body["output"]["labels"][0] = label
    write_json(file, body)
    seal(artifact)


def labels(url: str) -> list[str]:
    found: list[str] = httpx.get(f"{url}/model.json").json()["labels"]
    return found


def test_serve_refuses_an_artefact_whose_file_was_changed(edgewise: Command, own_artifact: Path) -> None:
    with (own_artifact / "model.tflite").open("r+b") as file:
        file.seek(5000)
        file.write(b"\xff")
    done = edgewise("serve", own_artifact, "--port", 0, timeout=60)
    assert done.returncode == 2
    assert "model.tflite: SHA-256" in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_refuses_a_runtime_that_misses_the_golden_vectors_and_says_by_how_much(
    edgewise: Command, own_artifact: Path
) -> None:
    with np.load(own_artifact / "golden.npz") as arrays:
        golden = dict(arrays)
    golden["outputs"][7, 3] += 5
    np.savez_compressed(own_artifact / "golden.npz", **golden)
    seal(own_artifact)
    done = edgewise("serve", own_artifact, "--port", 0, timeout=60)
    assert done.returncode == 3
    assert "golden vector 7 differs by 5" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("serve", "nowhere"), "make train export"),
        (("serve", "{run}", "--queue", "0"), "queue: 0"),
        (("serve", "{run}", "--api-key-file", "/nowhere/keys"), "/nowhere/keys"),
        (("serve", "{run}", "--certificate", "README.md"), "PEM"),
        (("serve", "{run}", "--certificate-key", "README.md"), "without a certificate"),
        (("serve", "{run}", "--host", "no.such.host.invalid"), "cannot listen"),
        (("serve", "{run}", "--runtime", "tensorrt"), "litert"),
        (("serve", "{run}/train"), "make train export"),
    ],
)
def test_serve_says_what_is_wrong_with_its_options(
    edgewise: Command, finished_run: Path, arguments: tuple[str, ...], word: str
) -> None:
    done = edgewise(*(each.format(run=finished_run) for each in arguments), "--port", 0, timeout=60)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_says_that_a_port_is_taken(edgewise: Command, finished_run: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = edgewise("serve", finished_run, "--port", taken.getsockname()[1], timeout=60)
    assert done.returncode == 2
    assert "Address already in use" in done.stderr


@pytest.mark.parametrize("runtime", ["litert", "onnx", "openvino"])
def test_serve_matches_the_golden_vectors_in_each_runtime(
    start_server: StartServer, encode: Encode, runtime: str
) -> None:
    with start_server("--runtime", runtime) as server:
        card = httpx.get(f"{server.url}/model.json").json()
        assert card["runtime"] == {"onnx": "onnxruntime"}.get(runtime, runtime)
        assert card["model"]["sha256"] == sha256_of(
            server.artifact / read_contract(server.artifact).file_for(card["runtime"])
        )
        for picture, logits in zip(server.golden.inputs[:4], server.golden.outputs, strict=False):
            answer = httpx.post(f"{server.url}/predict", files={"image": encode(picture)}).json()
            assert answer["label"] == str(logits.argmax())


def test_reload_by_request_swaps_the_model_and_fails_no_request(
    start_server: StartServer, own_artifact: Path, keys: Path, encode: Encode
) -> None:
    admin = {"x-api-key": KEY}
    with start_server("--api-key-file", keys, artifact=own_artifact) as server:
        picture = encode(server.golden.inputs[0])
        statuses: list[int] = []
        stop = threading.Event()

        def ask() -> None:
            with httpx.Client(headers=admin) as client:
                while not stop.is_set():
                    statuses.append(client.post(f"{server.url}/predict", files={"image": picture}).status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            assert httpx.post(f"{server.url}/admin/reload", headers=admin).json() == {
                "reloaded": False,
                "model": httpx.get(f"{server.url}/model.json").json()["model"],
                "other_workers": "none",
            }
            for label in ("nought", "zero"):
                change_label(own_artifact, label)
                answer = httpx.post(f"{server.url}/admin/reload", headers=admin, timeout=30)
                assert answer.json()["reloaded"] is True
                assert labels(server.url)[0] == label
        finally:
            stop.set()
            asking.join()
        assert set(statuses) == {200}

        (own_artifact / "model.tflite").write_bytes(b"not a model")
        refused = httpx.post(f"{server.url}/admin/reload", headers=admin)
        assert refused.status_code == 409
        assert "stays" in refused.json()["error"]
        assert httpx.post(f"{server.url}/predict", files={"image": picture}, headers=admin).status_code == 200
        assert labels(server.url)[0] == "zero"


def test_reload_by_request_wants_a_key(served: Any) -> None:
    answer = httpx.post(f"{served.url}/admin/reload")
    assert answer.status_code == 403
    assert "--api-key-file" in answer.json()["error"]


def test_reload_by_signal_reaches_every_worker(
    start_server: StartServer, own_artifact: Path, eventually: Eventually
) -> None:
    with start_server("--workers", 2, artifact=own_artifact) as server:
        change_label(own_artifact, "nought")
        server.process.send_signal(signal.SIGHUP)
        # A fresh connection each time: the kernel hands them to either worker.
        assert eventually(lambda: all(labels(server.url)[0] == "nought" for _ in range(20)))
        assert server.process.poll() is None
        assert "INFO now serving digits" in server.log.read_text()


def test_sigterm_lets_a_request_at_work_end(start_server: StartServer, encode: Encode, eventually: Eventually) -> None:
    with start_server() as server, socket.create_connection(server.address, timeout=30) as connection:
        picture = encode(server.golden.inputs[0])
        head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {len(picture)}\r\n\r\n"
        connection.sendall(head.encode() + picture[:20])
        assert eventually(lambda: "edgewise_in_flight 2.0" in httpx.get(f"{server.url}/metrics").text)
        server.process.terminate()
        time.sleep(0.5)
        connection.sendall(picture[20:])
        assert connection.recv(64).startswith(b"HTTP/1.1 200")
        server.process.wait(20)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{server.url}/livez")


def test_keys_guard_predictions_but_not_health(start_server: StartServer, keys: Path, encode: Encode) -> None:
    with start_server("--api-key-file", keys) as server, httpx.Client(base_url=server.url) as client:
        files = {"image": encode(server.golden.inputs[0])}
        for wrong in ({}, {"x-api-key": KEY[:-1]}, {"authorization": "Bearer é".encode()}, {"x-api-key": ""}):
            answer = client.post("/predict", files=files, headers=wrong)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "X-API-Key" in answer.json()["error"]
        for right in ({"x-api-key": KEY}, {"authorization": f"bearer {'z' * 24}"}):
            assert client.post("/predict", files=files, headers=right).status_code == 200
        assert client.get("/metrics").status_code == 401
        assert (
            client.get("/livez").status_code == client.get("/readyz").status_code == client.get("/").status_code == 200
        )


def test_queue_refuses_with_retry_after_what_does_not_fit(start_server: StartServer, encode: Encode) -> None:
    noise = encode(np.random.default_rng(3).integers(0, 256, (2000, 2000, 3), np.uint8), "JPEG")  # takes its time
    with start_server("--queue", 1) as server:
        answers: list[httpx.Response] = []

        def ask() -> None:
            answers.append(httpx.post(f"{server.url}/predict", files={"image": noise}, timeout=60))

        asking = [threading.Thread(target=ask) for _ in range(6)]
        for each in asking:
            each.start()
        for each in asking:
            each.join()
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) == {200, 429}
        late = answers[statuses.index(429)]
        assert late.headers["retry-after"] == "1"
        assert "waiting" in late.json()["error"]
        counted = httpx.get(f"{server.url}/metrics").text
        assert f"edgewise_rejected_total {statuses.count(429)}.0" in counted
        assert "edgewise_in_flight 1.0" in counted  # the one that asks


def test_slow_bodies_and_endless_heads_are_cut_off(start_server: StartServer) -> None:
    with start_server("--seconds", "0.5") as server:
        with socket.create_connection(server.address, timeout=20) as slow:
            slow.sendall(
                b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\nab"
            )
            assert slow.recv(64).startswith(b"HTTP/1.1 408")
        with socket.create_connection(server.address, timeout=20) as headed:
            headed.sendall(
                b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 10\r\n\r\n"
            )
            assert headed.recv(64).startswith(b"HTTP/1.1 408")
        with socket.create_connection(server.address, timeout=20) as endless:
            endless.sendall(b"GET / HTTP/1.1\r\n" + b"".join(b"a%d: %s\r\n" % (n, b"b" * 1000) for n in range(80)))
            assert endless.recv(64).startswith(b"HTTP/1.1 400")
        with socket.create_connection(server.address, timeout=20) as silent:
            silent.sendall(b"GET / HT")
            assert silent.recv(64) == b""  # closed after ten seconds


def test_tls_speaks_no_cbc(start_server: StartServer, tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-keyout", key, "-out", certificate], check=True, capture_output=True,
    )  # fmt: skip
    options = ("--certificate", certificate, "--certificate-key", key)
    with start_server(*options) as server:
        assert server.url.startswith("https:")

        def speak(cipher: str) -> bool:
            context = ssl.create_default_context(cafile=certificate)
            context.check_hostname = False
            context.maximum_version = ssl.TLSVersion.TLSv1_2  # 1.3 has no weak ones
            context.set_ciphers(cipher)
            return httpx.get(f"{server.url}/readyz", verify=context).is_success

        assert speak("ECDHE-RSA-AES128-GCM-SHA256")
        for cipher in ("ECDHE-RSA-AES128-SHA256", "AES128-GCM-SHA256"):  # CBC; no forward secrecy
            with pytest.raises(httpx.ConnectError):
                speak(cipher)


def test_encrypted_key_is_refused_and_not_asked_for(edgewise: Command, finished_run: Path, tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-passout", "pass:secret", "-days", "1",
         "-subj", "/CN=localhost", "-keyout", key, "-out", certificate], check=True, capture_output=True,
    )  # fmt: skip
    options = ("--certificate", certificate, "--certificate-key", key)
    done = edgewise("serve", finished_run, "--port", 0, *options, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert "encrypted" in done.stderr


def test_other_sites_are_let_in_only_where_told(start_server: StartServer, served: Any) -> None:
    asking = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    assert "access-control-allow-origin" not in httpx.get(f"{served.url}/livez", headers=asking).headers
    assert httpx.options(f"{served.url}/predict", headers=asking).status_code == 405
    with start_server("--allow-origin", "https://shop.example") as server:
        preflight = httpx.options(f"{server.url}/predict", headers=asking)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
        other = httpx.get(f"{server.url}/livez", headers={"origin": "https://elsewhere.example"})
        assert "access-control-allow-origin" not in other.headers


def test_answers_carry_the_request_id_and_security_headers(served: Any) -> None:
    mine = httpx.get(f"{served.url}/livez", headers={"x-request-id": "order-66"})
    assert mine.headers["x-request-id"] == "order-66"
    first, second = (httpx.get(f"{served.url}/nowhere", headers={"x-request-id": "a b"}) for _ in range(2))
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert " " not in first.headers["x-request-id"]
    assert first.headers["x-content-type-options"] == "nosniff"
    assert "server" not in first.headers


def test_metrics_tell_model_predictions_and_confidence(start_server: StartServer, encode: Encode) -> None:
    with start_server() as server:
        for picture in server.golden.inputs:
            assert httpx.post(f"{server.url}/predict", files={"image": encode(picture)}).is_success
        counted = httpx.get(f"{server.url}/metrics").text
    found = np.bincount(server.golden.outputs.argmax(1), minlength=10)
    for label, count in enumerate(found):
        assert f'edgewise_predictions_total{{label="{label}"}} {count}.0' in counted
    assert f"edgewise_confidence_count {len(server.golden.inputs)}.0" in counted
    assert f'sha256="{sha256_of(server.artifact / "model.tflite")}"' in counted


def test_server_never_imports_tensorflow(served: Any) -> None:
    mapped = Path(f"/proc/{served.process.pid}/maps").read_text()
    assert "litert" in mapped
    assert "tensorflow/" not in mapped

"""HTTPS: the server's certificate counts, one connection serves a whole check, and a slow server is left."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.device.errors import Unavailable
from edge.device.slots import Root
from edge.device.update.client import look
from edge.device.update.fetcher import Fetcher


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1, with its key in the same file."""
    file = tmp_path / "server.pem"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    command = ["openssl", "req", "-x509", *curve, "-keyout", tmp_path / "key", "-out", tmp_path / "crt", *names]
    subprocess.run(command, check=True, capture_output=True)
    file.write_bytes((tmp_path / "key").read_bytes() + (tmp_path / "crt").read_bytes())
    return file


def quick() -> Fetcher:
    return Fetcher(patience=1.0, tries=2, pause=0.01)


def test_server_with_a_trusted_certificate_is_asked(
    serve: Callable[..., Any], certificate: Path, device: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    web = serve(certificate)
    assert [offer.version for offer in look(device, web.url, quick()).offers] == ["1.0.0"]
    web.wait_for("policy")
    assert len(web.requests()) == 5


def test_server_with_another_certificate_is_not(serve: Callable[..., Any], certificate: Path, device: Root) -> None:
    with pytest.raises(Unavailable, match="certificate verify failed"):
        look(device, serve(certificate).url, quick())


def test_slow_server_is_left_under_tls_too(
    serve: Callable[..., Any], certificate: Path, device: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    web = serve(certificate)
    web.misbehave({"match": "timestamp", "kind": "slow"})
    start = time.monotonic()
    with pytest.raises(Unavailable, match="slower than"):
        look(device, web.url, quick())
    assert time.monotonic() - start < 6


def test_redirect_from_https_to_http_is_refused(
    serve: Callable[..., Any], certificate: Path, device: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    web = serve(certificate)
    away = {"Location": "http://127.0.0.1:1/timestamp.json"}
    web.misbehave({"match": "timestamp", "kind": "status", "status": 302, "headers": away})
    with pytest.raises(Unavailable, match="expected http or https, https after https"):
        look(device, web.url, quick())

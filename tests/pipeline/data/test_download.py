"""Downloads from a real server on the loopback interface."""

import hashlib
import os
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from edge.device.errors import BadData, Unavailable
from pipeline.data.download import fetch
from pipeline.data.prepare import fingerprint, prepare
from pipeline.data.source import silent
from pipeline.recipe import Data

CONTENT = os.urandom(1_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Shop(BaseHTTPRequestHandler):
    """/file: with ranges; /plain: without; /broken: ends after 400,000 bytes, with ranges; /away: leads to ftp."""

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Range")))  # type: ignore[attr-defined]
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "ftp://127.0.0.1/file")
            self.end_headers()
            return
        if self.path == "/moved":
            self.send_response(301)
            self.send_header("Location", "/file")
            self.end_headers()
            return
        if self.path not in ("/file", "/plain", "/broken", "/arrays"):
            self.send_error(404)
            return
        content = self.server.arrays if self.path == "/arrays" else CONTENT  # type: ignore[attr-defined]
        start = 0
        wanted = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and self.path != "/plain":
            start = int(wanted[1])
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = 400_000 if self.path == "/broken" else len(content)
        self.wfile.write(content[start:end])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as running:
        running.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def address(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


def left_in(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "downloads").iterdir() if not path.name.endswith(".lock"))


def test_fetch_downloads_once_and_reports_its_progress(server, address, cache):
    calls: list[tuple[str, int, int]] = []
    place = fetch(f"{address}/file", SHA256, lambda *call: calls.append(call))
    assert place.read_bytes() == CONTENT
    assert calls[-1] == ("download", len(CONTENT), len(CONTENT))
    assert fetch(f"{address}/file", SHA256, silent) == place
    assert server.asked == [("/file", None)]
    assert left_in(cache) == [SHA256]


def test_fetch_resumes_what_broke_off(server, address, cache):
    with pytest.raises(Unavailable, match="broke off after 400,000 of 1,000,000 bytes; run again"):
        fetch(f"{address}/broken", SHA256, silent)
    assert left_in(cache) == [f"{SHA256}.partial"]
    assert fetch(f"{address}/file", SHA256, silent).read_bytes() == CONTENT
    assert server.asked == [("/broken", None), ("/file", "bytes=400000-")]
    assert left_in(cache) == [SHA256]


def test_fetch_starts_anew_where_the_server_knows_no_ranges(address, cache):
    with pytest.raises(Unavailable):
        fetch(f"{address}/broken", SHA256, silent)
    assert fetch(f"{address}/plain", SHA256, silent).read_bytes() == CONTENT
    assert left_in(cache) == [SHA256]


def test_fetch_starts_anew_where_nothing_is_left_to_ask_for(address, cache):
    (cache / "downloads").mkdir(parents=True)
    (cache / "downloads" / f"{SHA256}.partial").write_bytes(bytes(len(CONTENT)))
    assert fetch(f"{address}/file", SHA256, silent).read_bytes() == CONTENT


def test_fetch_follows_a_redirect_over_http(address):
    assert fetch(f"{address}/moved", SHA256, silent).read_bytes() == CONTENT


def test_fetch_refuses_another_checksum_names_both_and_deletes(address, cache):
    expected = "0" * 64
    with pytest.raises(BadData, match=rf"sha256 is {SHA256}, the recipe expects {expected}; the file was deleted"):
        fetch(f"{address}/file", expected, silent)
    assert left_in(cache) == []


@pytest.mark.parametrize("scheme", ["file", "ftp", "data"])
def test_fetch_refuses_other_schemes(tmp_path, scheme):
    (tmp_path / "here").write_bytes(CONTENT)
    with pytest.raises(BadData, match=r"data\.url: .*expected an http:// or https:// address"):
        fetch(f"{scheme}://{tmp_path}/here", SHA256, silent)


def test_fetch_refuses_a_redirect_to_another_scheme(address, cache):
    with pytest.raises(Unavailable, match=r"data\.url"):
        fetch(f"{address}/away", SHA256, silent)
    assert left_in(cache) == []


def test_fetch_tells_that_a_file_is_not_there(address, cache):
    with pytest.raises(Unavailable, match=r"data\.url: .*/nowhere: the server answered 404 .*correct data\.url"):
        fetch(f"{address}/nowhere", SHA256, silent)
    assert left_in(cache) == []


def test_fetch_tells_that_no_server_answers(server):
    port = server.server_address[1]
    server.shutdown()
    server.server_close()
    with pytest.raises(Unavailable, match=r"data\.url: .*refused; run again"):
        fetch(f"http://127.0.0.1:{port}/file", SHA256, silent)


def test_prepare_reads_a_download(server, address, empty, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 5, 5), dtype=np.uint8)
    np.savez(tmp_path / "arrays.npz", x=images, y=np.arange(40) % 2)
    server.arrays = (tmp_path / "arrays.npz").read_bytes()
    checksum = hashlib.sha256(server.arrays).hexdigest()
    settings = Data(source="npz", url=f"{address}/arrays", sha256=checksum, image_size=5)
    assert fingerprint(settings) == {"sha256": checksum}
    assert not server.asked
    assert prepare(settings, empty, silent).pictures == 40

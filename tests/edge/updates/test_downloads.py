"""A bundle comes over a bad network in pieces, and no piece comes twice."""

import hashlib
import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tuf.api.exceptions import DownloadError, DownloadHTTPError

from edge.device.errors import BadRepository, Unavailable
from edge.device.slots import Root
from edge.device.update.client import Seen, fetch, look
from edge.device.update.fetcher import Fetcher

CONTENT = random.Random(1).randbytes(300_000)  # noqa: S311 - any bytes do

NUMBERS = itertools.count()  # a fault is used up once, whatever was asked before

See = Callable[..., Seen]


@pytest.fixture
def url(web: Any, tmp_path: Path) -> str:
    (tmp_path / "updates").mkdir()
    (tmp_path / "updates" / "some.bin").write_bytes(CONTENT)
    return f"{web.url}/some.bin"


def bodies(web: Any, count: int) -> list[int]:
    """Bytes of each of `count` answers, headers included."""
    requests = []
    while len(requests) < count:
        requests = web.wait_for("some.bin")
    return [each["sent"] for each in requests]


def quick(**settings: Any) -> Fetcher:
    return Fetcher(**{"patience": 5.0, "tries": 3, "pause": 0.01, **settings})


def test_cut_download_goes_on_where_it_was_cut(web: Any, url: str, tmp_path: Path) -> None:
    web.misbehave({"match": "some", "kind": "cut", "after": 100_000, "times": 1})
    quick().complete(url, len(CONTENT), tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == CONTENT
    assert sum(bodies(web, 2)) < len(CONTENT) + 2 * 500
    assert [each["range"] for each in web.requests()] == [None, "bytes=100000-"]


def test_download_that_always_makes_progress_is_never_given_up(web: Any, url: str, tmp_path: Path) -> None:
    web.misbehave({"match": "some", "kind": "cut", "after": 20_000, "times": 14})
    quick(tries=2).complete(url, len(CONTENT), tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == CONTENT
    assert sum(bodies(web, 15)) < len(CONTENT) + 15 * 500


def test_download_that_makes_next_to_no_progress_is_given_up(web: Any, url: str, tmp_path: Path) -> None:
    web.misbehave({"match": "some", "kind": "cut", "after": 100})
    with pytest.raises(DownloadError, match="the connection ended"):
        quick().complete(url, len(CONTENT), tmp_path / "got")
    assert (tmp_path / "got").stat().st_size == 300


def test_proxy_of_the_environment_is_asked(web: Any, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    del url
    monkeypatch.setenv("http_proxy", web.url)
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(DownloadHTTPError, match="404"):
        quick().download_bytes("http://updates.test/metadata/timestamp.json?a=b", 100)
    assert web.wait_for("timestamp")[0]["path"] == "http://updates.test/metadata/timestamp.json?a=b"


def test_download_goes_on_in_another_process_life(web: Any, url: str, tmp_path: Path) -> None:
    web.misbehave(
        {"match": "some", "kind": "cut", "after": 120_000, "times": 1},
        {"match": "some", "kind": "status", "status": 503},
    )
    with pytest.raises(DownloadError, match="503"):
        quick(tries=2).complete(url, len(CONTENT), tmp_path / "got")
    assert (tmp_path / "got").stat().st_size == 120_000
    web.misbehave()
    web.forget()
    quick().complete(url, len(CONTENT), tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == CONTENT
    assert bodies(web, 1)[0] < 180_000 + 500


def test_server_without_ranges_starts_again(web: Any, url: str, tmp_path: Path) -> None:
    (tmp_path / "got").write_bytes(CONTENT[:1000])
    web.misbehave({"match": "some", "kind": "no-range"})
    quick().complete(url, len(CONTENT), tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == CONTENT


def test_partial_file_that_is_longer_than_it_can_be_is_dropped(url: str, tmp_path: Path) -> None:
    (tmp_path / "got").write_bytes(b"x" * (len(CONTENT) + 1))
    quick().complete(url, len(CONTENT), tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == CONTENT


def test_damaged_partial_file_costs_one_more_download(device: Root, web: Any, seen: See) -> None:
    (offer,) = seen().offers
    partial = device.updates / "download" / f"{offer.sha256}.bundle"
    partial.parent.mkdir()
    partial.write_bytes(b"\0" * 1000)
    file = fetch(device, web.url, quick(), offer)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == offer.sha256


def test_bundle_on_its_way_gives_room_to_a_newer_one(device: Root, web: Any, seen: See) -> None:
    folder = device.updates / "download"
    folder.mkdir()
    (folder / ("0" * 64 + ".bundle")).write_bytes(b"half of something older")
    (offer,) = seen().offers
    file = fetch(device, web.url, quick(), offer)
    assert list(folder.iterdir()) == [file]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_passing_trouble_is_tried_again(web: Any, url: str, status: int) -> None:
    headers = {"Retry-After": "0"}
    web.misbehave({"match": "some", "kind": "status", "status": status, "headers": headers, "times": 2})
    assert quick().download_bytes(url, len(CONTENT)) == CONTENT


def test_lasting_trouble_is_not(web: Any, url: str) -> None:
    with pytest.raises(DownloadHTTPError, match="404"):
        quick().download_bytes(f"{url}.not", 10)
    assert len(web.wait_for("some")) == 1


def test_redirect_is_followed_to_http_alone(web: Any, url: str) -> None:
    elsewhere = {"match": "moved", "kind": "status", "status": 302, "headers": {"Location": url}}
    local = {"match": "local", "kind": "status", "status": 302, "headers": {"Location": "file:///etc/hostname"}}
    loop = {"match": "loop", "kind": "status", "status": 302, "headers": {"Location": "/loop"}}
    web.misbehave(elsewhere, local, loop)
    assert quick().download_bytes(f"{web.url}/moved", len(CONTENT)) == CONTENT
    with pytest.raises(DownloadError, match="redirects to 'file:///etc/hostname', expected http or https"):
        quick().download_bytes(f"{web.url}/local", 10)
    with pytest.raises(DownloadError, match="more than 5 redirects"):
        quick().download_bytes(f"{web.url}/loop", 10)


def test_connection_that_the_server_closed_in_between_is_made_again(web: Any, url: str) -> None:
    fetcher = quick(tries=1)
    web.misbehave({"match": "some", "kind": "status", "status": 404, "headers": {"Connection": "close"}, "times": 1})
    with pytest.raises(DownloadHTTPError):
        fetcher.download_bytes(url, len(CONTENT))
    assert fetcher.download_bytes(url, len(CONTENT)) == CONTENT


def test_server_that_is_not_there_is_said(device: Root) -> None:
    with pytest.raises(Unavailable, match=r"no answer \(.*refused"):
        look(device, "http://127.0.0.1:1", quick())


@pytest.mark.parametrize("url", ["updates", "ftp://127.0.0.1/updates", "file:///srv/updates", "http://"])
def test_address_that_is_none_is_said(device: Root, url: str) -> None:
    with pytest.raises(BadRepository, match="expected the address of an update repository"):
        look(device, url, quick())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 60_000), max_size=6), held=st.integers(0, 70_000))
def test_any_cuts_give_the_same_file(web: Any, url: str, tmp_path: Path, cuts: list[int], held: int) -> None:
    """`held`: bytes that an earlier try had got."""
    content = CONTENT[:65_000]
    (tmp_path / "updates" / "some.bin").write_bytes(content)
    got = tmp_path / "got"
    got.write_bytes(content[:held] + b"?" * max(0, held - len(content)))
    web.misbehave(
        *({"match": "some", "kind": "cut", "after": cut, "times": 1, "number": next(NUMBERS)} for cut in cuts)
    )
    quick(tries=10, pause=0.0).complete(url, len(content), got)
    assert got.read_bytes() == content

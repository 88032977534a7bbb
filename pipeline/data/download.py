"""Downloads: once, into the cache, verified before anything reads them, resumed where they broke off."""

import http.client
import re
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import IO

from filelock import FileLock

from edge.cache import cache_folder
from edge.device.errors import BadData, Unavailable
from edge.device.files import sha256_of
from pipeline.data.source import Report

TIMEOUT_S = 30
MAX_BYTES = 50 * 2**30
_CHUNK = 2**18


def fetch(url: str, sha256: str, report: Report) -> Path:
    """The file behind `url`, in the cache under its checksum; downloaded on the first call.

    A download that breaks off is kept under a name of its own and resumed by the next call.
    Raises BadData where the scheme is not http or https, or the checksum differs (the file is then deleted);
    Unavailable where the server does not answer, refuses, or breaks off.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise BadData(f"data.url: {url}: expected an http:// or https:// address; name a local file with data.root")
    place = cache_folder("downloads") / sha256
    partial = place.with_name(f"{sha256}.partial")
    with FileLock(place.with_name(f".{sha256}.lock")):
        if place.exists():
            return place
        try:
            _download(url, partial, report)
        except urllib.error.HTTPError as error:
            raise Unavailable(
                f"data.url: {url}: the server answered {error.code} {error.reason}; correct data.url, "
                "or get the file yourself and name it with data.root"
            ) from None
        except (OSError, http.client.HTTPException) as error:  # urllib's and the disk's are OSErrors
            reason = getattr(error, "reason", None) or error
            raise Unavailable(f"data.url: {url}: {reason}; run again to go on where it stopped") from None
        found = sha256_of(partial)
        if found != sha256:
            partial.unlink()
            raise BadData(
                f"data.url: {url}: sha256 is {found}, the recipe expects {sha256}; the file was deleted; "
                "correct data.sha256 if you trust what the address gives now"
            )
        partial.rename(place)
    return place


def _download(url: str, partial: Path, report: Report) -> None:
    start = partial.stat().st_size if partial.exists() else 0
    try:
        answer = _open(url, start)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or start == 0:
            raise
        start = 0  # nothing behind what is here: whole, or of another version; the checksum would not tell which
        answer = _open(url, start)
    with answer:
        if answer.status != http.HTTPStatus.PARTIAL_CONTENT or _first_byte(answer) != start:
            start = 0  # the server sends the whole file
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length and length.isdigit() else 0
        with partial.open("ab" if start else "wb") as file:
            done = _copy(answer, file, start, total, report)
    if total and done < total:
        raise Unavailable(
            f"data.url: {url}: broke off after {done:,} of {total:,} bytes; run again to go on from there"
        )


def _copy(answer: IO[bytes], file: IO[bytes], start: int, total: int, report: Report) -> int:
    done = start
    while block := answer.read(_CHUNK):
        done += len(block)
        if done > MAX_BYTES:
            raise BadData(f"data.url: more than {MAX_BYTES:,} bytes; expected a data set of pictures")
        file.write(block)
        report("download", done, total)
    return done


def _open(url: str, start: int) -> http.client.HTTPResponse:
    # Only these handlers: the default opener would follow a redirect to ftp://, and open file://.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    headers = {"User-Agent": "edgewise", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme was checked by the caller
    answer: http.client.HTTPResponse = opener.open(request, timeout=TIMEOUT_S)
    return answer


def _first_byte(answer: http.client.HTTPResponse) -> int | None:
    match = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return int(match[1]) if match else None

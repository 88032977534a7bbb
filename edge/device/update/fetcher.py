"""Files over HTTP(S) for python-tuf: one kept connection, time-outs on every stretch, repeated tries, resumed bundles.

What comes is believed by nobody: python-tuf holds metadata against its signatures, and bundles against their hashes.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

from tuf.api.exceptions import (
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    SlowRetrievalError,
)
from tuf.ngclient import FetcherInterface

from edge.device.update.connection import STRETCH, Answer, Connections, Cut

_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_PASSING = (408, 425, 429, 500, 502, 503, 504)  # what may be otherwise in a moment
_LONGEST_PAUSE = 60.0  # seconds between two tries, whatever the server asks for

Got = TypeVar("Got")


class Fetcher(FetcherInterface):
    """`patience`: seconds that an answer, and each further 16 KiB of it, may take. `tries`: in a row without progress.

    `pause`: seconds before the second try, at most; twice as many before each further one.
    """

    def __init__(self, patience: float = 30.0, tries: int = 5, pause: float = 1.0) -> None:
        self._connections = Connections(patience)
        self._tries = tries
        self._pause = pause

    @property
    def server_time(self) -> str:
        """What the server's clock said last; nothing vouches for it."""
        return self._connections.server_time

    def close(self) -> None:
        """Close the connection that is kept."""
        self._connections.close()

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """The file at `url`, which has `max_length` bytes at most; raises DownloadError where it does not come."""

        def once() -> bytes:
            content = bytearray()
            for chunk in self._chunks(self._answer(url, 0), url):
                content += chunk
                if len(content) > max_length:
                    raise DownloadLengthMismatchError(f"{url}: sends more than the {max_length:,} bytes that may come")
            return bytes(content)

        return self._repeated(once)

    def complete(self, url: str, size: int, file: Path) -> None:
        """Go on with `file` until it has the `size` bytes of what stands at `url`. What it had is kept, also when this
        raises DownloadError, so that the next call goes on from there."""

        def held() -> int:
            return file.stat().st_size if file.exists() else 0

        def once() -> None:
            if held() > size:
                file.unlink()
            if held() < size:
                self._append(url, size, file, held())

        self._repeated(once, held)

    def _fetch(self, url: str) -> Iterator[bytes]:
        return self._chunks(self._answer(url, 0), url)

    def _append(self, url: str, size: int, file: Path, start: int) -> None:
        answer = self._answer(url, start)
        if answer.status != 206:
            start = 0  # the server knows no ranges, and sends all of it again
        elif not answer.header("Content-Range").startswith(f"bytes {start}-"):
            answer.close()
            raise DownloadError(f"{url}: sends {answer.header('Content-Range')!r}, asked for from byte {start:,} on")
        with file.open("ab" if start else "wb") as opened:
            for chunk in self._chunks(answer, url):
                start += len(chunk)
                if start > size:
                    raise DownloadLengthMismatchError(f"{url}: sends more than the {size:,} bytes that were signed for")
                opened.write(chunk)
        if start < size:
            raise DownloadError(f"{url}: ended after {start:,} of {size:,} bytes")

    def _answer(self, url: str, start: int) -> Answer:
        """The answer to a request for `url` from byte `start` on, once it is 200 or 206."""
        headers = {"Range": f"bytes={start}-"} if start else {}
        place = url
        for _ in range(_MOST_REDIRECTS + 1):
            try:
                answer = self._connections.get(place, headers)
            except Cut as error:
                raise _as_download_error(error, url) from None
            if answer.status in (200, 206):
                return answer
            answer.close()
            if answer.status not in _REDIRECTS:
                raise _Status(url, answer)
            place = _next_place(place, answer.header("Location"))
        raise DownloadHTTPError(f"{url}: more than {_MOST_REDIRECTS} redirects", 310)

    def _chunks(self, answer: Answer, url: str) -> Iterator[bytes]:
        try:
            yield from answer.chunks()
        except Cut as error:
            raise _as_download_error(error, url) from None
        finally:
            answer.close()

    def _repeated(self, once: Callable[[], Got], progress: Callable[[], int] = lambda: 0) -> Got:
        """What `once` gives, after as many tries without any progress as are allowed."""
        failures, before = 0, progress()
        while True:
            try:
                return once()
            except DownloadError as error:
                failures += 1
                if progress() >= before + STRETCH:  # less is none, or a byte in each try would keep this up for years
                    failures, before = 1, progress()
                if failures >= self._tries or not _is_passing(error):
                    raise
                asked = error.retry_after if isinstance(error, _Status) else 0.0
            # Full jitter: a fleet whose server came back must not come back with one voice.
            time.sleep(min(max(random.uniform(0, self._pause * 2 ** (failures - 1)), asked), _LONGEST_PAUSE))  # noqa: S311


class _Status(DownloadHTTPError):
    """An answer that is not the file; `retry_after`: seconds that the server asks for."""

    def __init__(self, url: str, answer: Answer) -> None:
        super().__init__(f"{url}: answered with status {answer.status}", answer.status)
        told = answer.header("Retry-After")
        self.retry_after = float(told) if told.isdecimal() else 0.0


def _is_passing(error: DownloadError) -> bool:
    if isinstance(error, DownloadHTTPError):
        return error.status_code in _PASSING
    return not isinstance(error, DownloadLengthMismatchError)


def _as_download_error(error: Cut, url: str) -> DownloadError:
    kind = SlowRetrievalError if error.is_slow else DownloadError
    return kind(f"{url}: {error}")


def _next_place(place: str, location: str) -> str:
    """Where a redirect leads; only to HTTP(S), and never from HTTPS to what is not."""
    following = urljoin(place, location)
    before, after = urlsplit(place).scheme, urlsplit(following).scheme
    if not location or after not in ("http", "https") or (before, after) == ("https", "http"):
        raise DownloadHTTPError(
            f"{place}: redirects to {location[:200]!r}, expected http or https, https after https", 310
        )
    return following

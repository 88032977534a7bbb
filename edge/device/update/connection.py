"""GET over http.client: a connection that is kept, and cut when it brings too little for too long."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

STRETCH = 16 * 1024  # bytes that must come within the patience, or the rest of an answer
_CHUNK = 64 * 1024
_USER_AGENT = "edgewise-device"


class Cut(Exception):
    """The connection could not be made, was lost, or was cut because it brought too little: `is_slow`."""

    def __init__(self, message: str, *, is_slow: bool = False) -> None:
        super().__init__(message)
        self.is_slow = is_slow


class Watch:
    """Shuts a connection down unless it is armed again, or ended, within `patience` seconds.

    Time-outs of the socket alone do not do: a server that sends a byte now and then never runs into them.
    """

    def __init__(self, connection: http.client.HTTPConnection, patience: float) -> None:
        self._connection = connection
        self._patience = patience
        self._timer: threading.Timer | None = None
        self.has_cut = False

    def arm(self) -> None:
        self.end()
        self._timer = threading.Timer(self._patience, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _cut(self) -> None:
        self.has_cut = True
        sock = self._connection.sock
        if sock is not None:
            try:
                # Of the plain socket also under TLS, whose own shutdown is not for another thread.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                return  # closed already


class Answer:
    """Status, headers and body of one answer. It is read by `chunks`, once, and closed by whoever asked for it."""

    def __init__(
        self, response: http.client.HTTPResponse, connection: http.client.HTTPConnection, watch: Watch, patience: float
    ) -> None:
        self.status = response.status
        self._response = response
        self._connection = connection
        self._watch = watch
        self._patience = patience

    def header(self, name: str) -> str:
        return self._response.getheader(name) or ""

    def chunks(self) -> Iterator[bytes]:
        """The body; raises Cut where less of it comes than was announced."""
        announced = self._response.length
        left, stretch = announced, 0  # the first stretch is under the watch of the request
        while left != 0:
            chunk = self._read(_CHUNK if left is None else min(_CHUNK, left))
            if not chunk:
                break
            left = None if left is None else left - len(chunk)
            stretch += len(chunk)
            if stretch >= STRETCH:
                stretch = 0
                self._watch.arm()
            yield chunk
        self._watch.end()
        if self._watch.has_cut:
            raise Cut(f"slower than {STRETCH / 1024:g} KiB in {self._patience:g} s", is_slow=True)
        if left:
            raise Cut(f"the connection ended {left:,} bytes before the {announced:,} that were announced")
        self._response.close()  # all of it was read: the connection is fit for the next request

    def close(self) -> None:
        """Be done with it, also where it was not read to its end."""
        self._watch.end()
        if not self._response.isclosed():
            self._connection.close()

    def _read(self, most: int) -> bytes:
        try:
            return self._response.read1(most)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._watch.end()
            if self._watch.has_cut or isinstance(error, TimeoutError):
                raise Cut(f"slower than {STRETCH / 1024:g} KiB in {self._patience:g} s", is_slow=True) from None
            raise Cut(f"the connection was lost ({error})") from None


@dataclass(frozen=True)
class _Kept:
    """`key`: scheme and place. `is_proxied`: a proxy has to be told the whole address; one for TLS is just passed."""

    key: tuple[str, str]
    connection: http.client.HTTPConnection
    is_proxied: bool


class Connections:
    """Keeps the last connection: a check asks one server two to six times, and TLS costs more than the answers."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._proxies = getproxies()
        self._kept: _Kept | None = None
        self.server_time = ""

    def close(self) -> None:
        if self._kept is not None:
            self._kept.connection.close()
            self._kept = None

    def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """The answer to GET `url`; raises Cut where there is none in time."""
        parts = urlsplit(url)
        key = (parts.scheme, parts.netloc)
        if self._kept is None or self._kept.key != key:
            self.close()
            self._kept = self._connect(parts, key)
        kept = self._kept
        is_old = kept.connection.sock is not None
        try:
            return self._ask(kept, parts, headers)
        except Cut as error:
            if not is_old or error.is_slow:
                raise
        # The server may have closed what was kept in the meantime; that is nobody's fault.
        return self._ask(kept, parts, headers)

    def _ask(self, kept: _Kept, parts: SplitResult, headers: Mapping[str, str]) -> Answer:
        connection, watch = kept.connection, Watch(kept.connection, self._patience)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        selector = f"http://{parts.netloc}{path}" if kept.is_proxied else path
        watch.arm()
        try:
            connection.request("GET", selector, headers={"User-Agent": _USER_AGENT, **headers})
            response = connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            watch.end()
            connection.close()
            if watch.has_cut or isinstance(error, TimeoutError):
                raise Cut(f"no answer within {self._patience:g} s", is_slow=True) from None
            raise Cut(f"no answer ({error})") from None
        self.server_time = response.getheader("Date") or self.server_time
        answer = Answer(response, connection, watch, self._patience)
        if response.status not in (200, 206):
            _read_page(answer)
        return answer

    def _connect(self, parts: SplitResult, key: tuple[str, str]) -> _Kept:
        """A connection to the server, or to the proxy that the environment names for it."""
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        host = parts.hostname or ""
        proxy = self._proxies.get(parts.scheme)
        if proxy is None or proxy_bypass(host):
            return _Kept(key=key, connection=kind(host, parts.port, timeout=self._patience), is_proxied=False)
        middle = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        connection = kind(middle.hostname or "", middle.port or 80, timeout=self._patience)
        if secure:
            connection.set_tunnel(host, parts.port or 443)
        return _Kept(key=key, connection=connection, is_proxied=not secure)


def _read_page(answer: Answer) -> None:
    """Read a page about an error, so that the connection can be kept; not one that is longer than such pages are."""
    count = 0
    for chunk in answer.chunks():
        count += len(chunk)
        if count > STRETCH:
            return

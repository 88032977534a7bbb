"""Load on a server: closed loop (so many clients, each waiting for its answer) and open loop (so many a second)."""

import select
import time
from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from edge.device.errors import Unavailable
from pipeline.bench.serving.connection import Connection

_BROKEN = 0  # stands for a status where the connection broke
_OK = 200
_PATIENCE = 15.0  # seconds that the last answers are waited for
_SPIN = 0.0015  # seconds: epoll waits in whole milliseconds, so the last of them are spent asking
_CONNECTIONS = 512  # in an open loop, where nobody waits for another's answer


@dataclass(kw_only=True)
class Load:
    """What came back. `latencies`: seconds of each answer of status 200, in the order of their arrival; `seconds` is
    the wall time of the whole; `statuses` counts answers, those that never came as 0."""

    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def accepted(self) -> int:
        return len(self.latencies)

    @property
    def failures(self) -> int:
        """Answers other than 200 and 429."""
        return sum(count for status, count in self.statuses.items() if status not in (_OK, 429))

    def count(self, status: int, latency: float) -> None:
        self.statuses[status] += 1
        if status == _OK:
            self.latencies.append(latency)


def closed_loop(
    port: int, request: bytes, clients: int, *, seconds: float = float("inf"), requests: float = float("inf")
) -> Load:
    """`clients` connections, each sending `request` again as soon as it is answered, until `seconds` have passed or
    `requests` are answered.

    Raises Unavailable where an answer is not 200: what is measured would not be the work.
    """
    load, poll = Load(), select.epoll()
    connections: dict[int, Connection] = {}
    start = time.perf_counter()
    for _ in range(clients):
        connection = Connection(port)
        connections[connection.fileno()] = connection
        poll.register(connection, select.EPOLLIN)
        connection.send(request, time.perf_counter())
    end = start + seconds
    while connections:
        for descriptor, _ in poll.poll():
            connection = connections[descriptor]
            answer = connection.receive()
            if answer is None:
                continue
            now = time.perf_counter()
            load.count(answer.status, now - connection.due)
            if answer.status != _OK:
                raise Unavailable(f"answered {answer.status}: {answer.body[:300]!r}; expected 200")
            if now < end and load.accepted + len(connections) <= requests:
                if answer.closes:
                    raise Unavailable("the server closes its connections; expected keep-alive")
                connection.send(request, now)
            else:
                poll.unregister(descriptor)
                connections.pop(descriptor).close()
    poll.close()
    load.seconds = time.perf_counter() - start
    return load


def open_loop(
    port: int, request: bytes, rate: float, seconds: float, *, each_second: Callable[[], None] = lambda: None
) -> Load:
    """`rate` requests a second for `seconds`, evenly spaced, whether those before are answered or not.

    A request's latency counts from when it was due, also where the client was late or had to wait for a connection, so
    that a server which stalls does not hide it by being asked less (coordinated omission; Tene, "How not to measure
    latency", 2013). `each_second` is called once a second.
    """
    return _OpenLoop(port, request, rate, round(rate * seconds), each_second).run()


class _OpenLoop:
    """The state of one open loop: connections by descriptor, those that wait for an answer and those that are free.

    The one that was free for longest is taken first, so that none is idle until the server closes it.
    """

    def __init__(self, port: int, request: bytes, rate: float, requests: int, each_second: Callable[[], None]) -> None:
        self._port, self._request, self._rate, self._requests = port, request, rate, requests
        self._each_second = each_second
        self._load = Load()
        self._poll = select.epoll()
        self._busy: dict[int, Connection] = {}
        self._free: dict[int, Connection] = {}
        self._sent = 0

    def run(self) -> Load:
        start = time.perf_counter()
        second = 1
        last = start + self._requests / self._rate + _PATIENCE
        while (self._sent < self._requests or self._busy) and (now := time.perf_counter()) < last:
            if now > start + second:
                second += 1
                self._each_second()
            due = self._send_due(start, now)
            wait = max(0.0, due - time.perf_counter() - _SPIN)
            for descriptor, _ in self._poll.poll(wait):
                self._receive(descriptor)
        self._load.seconds = time.perf_counter() - start
        self._load.statuses[_BROKEN] += self._requests - self._load.statuses.total()
        for connection in (*self._busy.values(), *self._free.values()):
            connection.close()
        self._poll.close()
        return self._load

    def _send_due(self, start: float, now: float) -> float:
        """Send what is due by `now`, as far as there are connections; return when to look again at the latest."""
        while self._sent < self._requests:
            due = start + self._sent / self._rate
            if due > now:
                return due
            if not self._free and len(self._busy) == _CONNECTIONS:
                break  # an answer must come first, and wakes the loop
            connection = self._take()
            connection.send(self._request, due)
            self._busy[connection.fileno()] = connection
            self._sent += 1
        return now + 1.0

    def _take(self) -> Connection:
        if self._free:
            return self._free.pop(next(iter(self._free)))
        connection = Connection(self._port)
        self._poll.register(connection, select.EPOLLIN)
        return connection

    def _receive(self, descriptor: int) -> None:
        if descriptor in self._free:  # nothing was asked: the server has closed it
            self._drop(self._free.pop(descriptor))
            return
        connection = self._busy[descriptor]
        try:
            answer = connection.receive()
        except ConnectionError:
            self._drop(self._busy.pop(descriptor))
            self._load.count(_BROKEN, 0.0)
            return
        if answer is None:
            return
        self._load.count(answer.status, time.perf_counter() - connection.due)
        del self._busy[descriptor]
        if answer.closes:
            self._drop(connection)
        else:
            self._free[descriptor] = connection

    def _drop(self, connection: Connection) -> None:
        self._poll.unregister(connection)
        connection.close()

"""A worker's event loop: connections on one side, one thread that uses the model on the other."""

from __future__ import annotations

import logging
import queue
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge.device.errors import Refused
from edge.device.serve.answers import Route, find_route
from edge.device.serve.connection import Connection
from edge.device.serve.request import Request, Response, as_error

CONNECTIONS = 256
QUEUE = 8  # requests that wait for the model or are at work; those beyond are refused
_FAULTS = 3  # in a row: the runtime is broken, and a new process may find it mended or do without
_STUCK_SECONDS = 60.0  # that one request may take
_LOOK = 0.25  # seconds between two looks for deadlines
_BEAT = 1.0  # seconds between two signs of life
_RETRY_AFTER = ((b"retry-after", b"1"),)  # seconds; the header has no smaller number

SERVING, HANDING_OVER, ENDING = "serving", "handing over", "ending"

log = logging.getLogger("edgewise")


@dataclass(frozen=True)
class Sockets:
    """`listener` is shared with other workers, and so is `exchange`: connections that one worker sends into it with
    their descriptors another one takes out."""

    listener: socket.socket
    exchange: tuple[socket.socket, socket.socket]  # out of, into


class Loop:
    """Answers requests by `routes` until it is told to hand over or to end.

    Bodies of at most `body_bytes` each; those that are coming in hold no more than a queue full of them together.
    `beat` is called every second.
    """

    def __init__(
        self, sockets: Sockets, routes: Mapping[str, Route], body_bytes: int, beat: Callable[[], None]
    ) -> None:
        self._sockets = sockets
        self._routes = routes
        self._body_bytes = body_bytes
        self._beat = beat
        self._selector = selectors.DefaultSelector()
        self._connections: set[Connection] = set()
        self._state = SERVING
        self._full = False
        self._work: queue.SimpleQueue[tuple[Connection, Route, Request]] = queue.SimpleQueue()
        self._done: deque[tuple[Connection, Response]] = deque()
        self._waiting = 0
        self._since = 0.0  # when the thread began what it is at, 0 where it waits
        self._faults = 0
        self._wake_in, self._wake_out = socket.socketpair()

    def run(self) -> int:
        """The exit code: 0 once nothing is left to do, 1 where the model has stopped to answer."""
        for each in (self._sockets.listener, *self._sockets.exchange, self._wake_in, self._wake_out):
            each.setblocking(False)
        self._listen(True)
        self._selector.register(self._sockets.exchange[0], selectors.EVENT_READ, self._adopt)
        self._selector.register(self._wake_in, selectors.EVENT_READ, self._collect)
        threading.Thread(target=self._answer_heavy, daemon=True).start()
        looked, beaten, state = time.monotonic(), 0.0, SERVING
        while self._state == SERVING or self._connections:
            if self._state != state:
                state = self._state
                self._leave()
            for key, events in self._selector.select(_LOOK):
                if isinstance(key.data, Connection):
                    self._serve(key.data, events)
                else:
                    key.data()
            now = time.monotonic()
            if now - looked >= _LOOK:
                looked = now
                self._expire(now)
            if now - beaten >= _BEAT:
                beaten = now
                self._beat()
            since = self._since  # which the thread may set to 0 at any moment
            if since and now - since > _STUCK_SECONDS:
                log.error("the model has not answered for %g s; this worker ends", _STUCK_SECONDS)
                return 1
        return 1 if self._faults >= _FAULTS else 0

    def tell(self, state: str) -> None:
        """From any thread or signal handler: HANDING_OVER to pass idle connections on and end, ENDING to close them."""
        self._state = state
        self._wake()

    def _leave(self) -> None:
        """Take nothing new."""
        self._listen(False)
        self._sockets.listener.close()
        if self._sockets.exchange[0] in self._selector.get_map():
            self._selector.unregister(self._sockets.exchange[0])
        for connection in list(self._connections):
            self._watch(connection)

    def _listen(self, on: bool) -> None:
        listener = self._sockets.listener
        if on and self._state == SERVING:
            self._selector.register(listener, selectors.EVENT_READ, self._accept)
        elif not on and listener.fileno() >= 0 and listener in self._selector.get_map():
            self._selector.unregister(listener)

    def _accept(self) -> None:
        if len(self._connections) >= CONNECTIONS and not self._evict():
            self._full = True
            self._listen(False)  # they wait until one is done
            return
        try:
            client, _ = self._sockets.listener.accept()
        except OSError:  # another worker was quicker, or the client has left
            return
        self._watch(Connection(client, self._body_bytes))

    def _adopt(self) -> None:
        """Go on with a connection that another worker has passed on."""
        try:
            _, descriptors, _, _ = socket.recv_fds(self._sockets.exchange[0], 1, 1, socket.MSG_CMSG_CLOEXEC)
        except OSError:
            return
        for descriptor in descriptors:
            self._watch(Connection(socket.socket(fileno=descriptor), self._body_bytes))

    def _evict(self) -> bool:
        """Close the connection that has been idle for longest, if one is."""
        idle = [each for each in self._connections if each.idle]
        if not idle:
            return False
        oldest = min(idle, key=lambda each: each.deadline)
        oldest.close()
        self._watch(oldest)
        return True

    def _serve(self, connection: Connection, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            connection.write()
        if events & selectors.EVENT_READ:
            connection.read()
            room = QUEUE * self._body_bytes
            if connection.reader.in_body and sum(each.reader.held for each in self._connections) > room:
                connection.refuse(
                    Refused(429, f"the bodies that are coming in hold {room:,} bytes, all there are", _RETRY_AFTER)
                )
        self._take(connection)
        self._watch(connection)

    def _take(self, connection: Connection) -> None:
        """Answer the requests that are whole, up to one that needs the model."""
        while (request := connection.take()) is not None:
            try:
                route = find_route(self._routes, request)
                if route.heavy:
                    self._enter()
                    self._work.put((connection, route, request))
                    return
                response = route.answer(request)
            except Refused as refused:
                response = as_error(refused)
            connection.answer(response, keeps=self._state != ENDING)

    def _enter(self) -> None:
        if self._waiting >= QUEUE:
            raise Refused(429, f"{QUEUE} requests are waiting, as many as may; come again in a second", _RETRY_AFTER)
        self._waiting += 1

    def _answer_heavy(self) -> None:
        """In the thread: one at a time, as the model serves one thread, and memory holds one large picture."""
        while True:
            connection, route, request = self._work.get()
            self._since = time.monotonic()
            try:
                response = route.answer(request)
            except Refused as refused:
                response = as_error(refused)
            except Exception:  # of whatever kind: the one place where a fault of ours becomes an answer, and is counted
                log.exception("%s %s", request.method, request.path)
                response = as_error(Refused(500, "internal error; the log of the device's server has it"))
            self._since = 0.0
            self._done.append((connection, response))
            self._wake()

    def _collect(self) -> None:
        """Send what the thread has answered."""
        try:
            self._wake_in.recv(4096)
        except BlockingIOError:
            return
        while self._done:
            connection, response = self._done.popleft()
            self._waiting -= 1
            self._judge(response)
            connection.answer(response, keeps=self._state != ENDING)
            self._take(connection)
            self._watch(connection)

    def _judge(self, response: Response) -> None:
        """Leave to another worker what comes, where the runtime is broken."""
        if response.status == 200:
            self._faults = 0
        elif response.status == 500:
            self._faults += 1
            if self._faults == _FAULTS:
                log.error("the model has failed %d times in a row; this worker ends", _FAULTS)
                self._state = HANDING_OVER if self._state == SERVING else self._state

    def _wake(self) -> None:
        try:
            self._wake_out.send(b"\0")
        except BlockingIOError:
            return  # enough of them are on their way

    def _expire(self, now: float) -> None:
        for connection in list(self._connections):
            connection.expire(now)
            self._watch(connection)

    def _watch(self, connection: Connection) -> None:
        """Have the selector tell what the connection waits for; let go of one that is over, or goes elsewhere."""
        if connection.idle and (self._state == ENDING or (self._state == HANDING_OVER and self._pass_on(connection))):
            connection.close()
        events = 0
        if not connection.closed:
            self._connections.add(connection)
            events |= selectors.EVENT_READ if connection.wants_to_read else 0
            events |= selectors.EVENT_WRITE if connection.wants_to_write else 0
        if events != connection.events:
            self._select(connection, events)
        if connection.closed:
            connection.socket.close()  # not before the selector has let go of it: its number may be given anew at once
            self._connections.discard(connection)
            if self._full:
                self._full = False
                self._listen(True)

    def _select(self, connection: Connection, events: int) -> None:
        if connection.events == 0:
            self._selector.register(connection.socket, events, connection)
        elif events == 0:
            self._selector.unregister(connection.socket)
        else:
            self._selector.modify(connection.socket, events, connection)
        connection.events = events

    def _pass_on(self, connection: Connection) -> bool:
        """Whether another worker has it, or will: not where too many are on their way."""
        try:
            socket.send_fds(self._sockets.exchange[1], [b"\0"], [connection.socket.fileno()])
        except OSError:
            return False
        return True

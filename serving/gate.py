"""The bounded queue in front of the model: what does not fit is refused at once, so that what is taken is quick."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from edge.device.errors import Refused

T = TypeVar("T")

RETRY_AFTER = ((b"retry-after", b"1"),)  # seconds; the header has no smaller number
_SHORT_FOR = 1.0  # seconds since the last refusal


class Gate:
    """At most `limit` requests wait or are at work. Used from one event loop.

    A burst may fill the queue. Once somebody has to be refused, it is half as long until nobody has been for a second:
    under lasting overload a longer one would serve no more requests, only each of them later.

    One thread works beside the loop: with a core for each worker, more would only wait for each other.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._short = max(1, limit // 2)
        self._short_until = 0.0
        self._seconds = seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._in_flight = 0
        self._in_thread = 0

    @property
    def overloaded(self) -> bool:
        """Whether somebody was refused within the last second."""
        return time.monotonic() < self._short_until

    def enter(self) -> None:
        """Take a place in the queue, to be given back by `leave`; raises Refused 429 where it is full."""
        self.check()
        self._in_flight += 1

    def leave(self) -> None:
        self._in_flight -= 1

    def check(self) -> None:
        """Raise Refused 429 where the queue is full."""
        if self._in_flight < self._short:
            return
        now = time.monotonic()
        if self._in_flight < self._limit and now > self._short_until:
            return
        self._short_until = now + _SHORT_FOR
        raise Refused(
            429, f"{self._in_flight} requests are waiting, as many as may; come again in a second", RETRY_AFTER
        )

    async def run(self, work: Callable[[], T], *, quick: bool) -> T:
        """`work()` for who has entered: on the loop where it is `quick`, as a change of thread costs more, or in the
        thread.

        While the thread works, quick work goes there, too: the model serves one thread at a time, and the loop shall
        not wait for it. Raises Refused 503 where the answer takes longer than the time limit; what has not been begun
        by then is not begun any more.
        """
        if quick and self._in_thread == 0:
            # The requests that have arrived meanwhile enter before the loop is held up.
            await asyncio.sleep(0)
            return work()
        self._in_thread += 1
        job = self._thread.submit(work)
        done = asyncio.wrap_future(job)
        done.add_done_callback(self._done)
        try:
            # Shielded: what a thread works at cannot be stopped.
            return await asyncio.wait_for(asyncio.shield(done), self._seconds)
        except TimeoutError:
            if not job.cancel():
                self._in_flight += 1  # it goes on, and keeps its place until it is done
                done.add_done_callback(lambda _: self.leave())
            raise Refused(503, f"no answer within {self._seconds:g} s; come again later", RETRY_AFTER) from None

    def _done(self, done: "asyncio.Future[Any]") -> None:
        self._in_thread -= 1
        if not done.cancelled():
            done.exception()  # seen, also where nobody waits any more

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
        """`work()` in its turn: on the loop where it is `quick` (a change of thread costs more), else in the thread.

        Raises Refused 429 where the queue is full, 503 where the answer takes longer than the time limit.
        """
        self.check()
        self._in_flight += 1
        if quick:
            try:
                # The requests that have arrived meanwhile pass the check above before the loop is held up.
                await asyncio.sleep(0)
                return work()
            finally:
                self._in_flight -= 1
        job = asyncio.get_running_loop().run_in_executor(self._thread, work)
        job.add_done_callback(self._left)
        try:
            # Shielded: a thread cannot be stopped, and what still works is still counted.
            return await asyncio.wait_for(asyncio.shield(job), self._seconds)
        except TimeoutError:
            raise Refused(503, f"no answer within {self._seconds:g} s; come again later", RETRY_AFTER) from None

    def _left(self, job: "asyncio.Future[Any]") -> None:
        self._in_flight -= 1
        if not job.cancelled():
            job.exception()  # seen, also where nobody waits any more

"""The queue: what it takes, what it refuses, and that nothing is done for those who have gone."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from edge.device.errors import Refused
from serving import gate as module
from serving.gate import Gate


async def ask(gate: Gate, work: Callable[[], Any], *, quick: bool = False) -> Any:
    """As the application asks."""
    gate.enter()
    try:
        return await gate.run(work, quick=quick)
    finally:
        gate.leave()


async def _refusals(gate: Gate, count: int, seconds: float) -> int:
    tasks = [asyncio.create_task(ask(gate, lambda: time.sleep(seconds))) for _ in range(count)]
    done = await asyncio.gather(*tasks, return_exceptions=True)
    return sum(isinstance(each, Refused) and each.status == 429 for each in done)


def test_queue_takes_a_burst_of_its_length_and_refuses_the_rest() -> None:
    async def main() -> None:
        assert await _refusals(Gate(8, 10), 8, 0.001) == 0
        assert await _refusals(Gate(8, 10), 11, 0.001) == 3

    asyncio.run(main())


def test_queue_is_half_as_long_while_there_are_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SHORT_FOR", 0.1)

    async def main() -> None:
        gate = Gate(8, 10)
        assert await _refusals(gate, 9, 0.001) == 1
        assert await _refusals(gate, 8, 0.001) == 4
        await asyncio.sleep(0.15)
        assert await _refusals(gate, 8, 0.001) == 0

    asyncio.run(main())


def test_quick_work_counts_those_who_came_together() -> None:
    async def main() -> None:
        gate = Gate(4, 10)
        tasks = [asyncio.create_task(ask(gate, lambda: None, quick=True)) for _ in range(10)]
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(each, Refused) for each in done) == 6

    asyncio.run(main())


def test_quick_work_leaves_the_loop_while_the_thread_works() -> None:
    async def main() -> None:
        gate = Gate(4, 10)
        slow = asyncio.create_task(ask(gate, lambda: time.sleep(0.05)))
        await asyncio.sleep(0.01)
        assert await ask(gate, threading.current_thread, quick=True) is not threading.main_thread()
        await slow
        assert await ask(gate, threading.current_thread, quick=True) is threading.main_thread()

    asyncio.run(main())


def test_what_was_not_begun_in_time_is_not_begun_any_more() -> None:
    async def main() -> None:
        gate, begun = Gate(4, 0.05), []
        first = asyncio.create_task(ask(gate, lambda: time.sleep(0.2)))
        second = asyncio.create_task(ask(gate, lambda: begun.append(1)))
        statuses = [each.status for each in await asyncio.gather(first, second, return_exceptions=True)]
        assert statuses == [503, 503]
        await asyncio.sleep(0.3)
        assert begun == []
        assert await ask(gate, lambda: "again") == "again"

    asyncio.run(main())

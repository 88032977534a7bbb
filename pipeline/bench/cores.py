"""Which cores servers and the load generator run on: apart, so that neither takes the other's time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Cores:
    """A server has one core alone, as one worker is what is measured; both have the same where there is but one."""

    server: frozenset[int]
    client: frozenset[int]


def divide() -> Cores:
    """The cores that this process may use: the last for a server, the others for the load generator."""
    available = sorted(os.sched_getaffinity(0))
    return Cores(server=frozenset(available[-1:]), client=frozenset(available[:-1] or available))


@contextmanager
def running_on(cores: frozenset[int]) -> Iterator[None]:
    """This process, and those that it starts meanwhile, on `cores`."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

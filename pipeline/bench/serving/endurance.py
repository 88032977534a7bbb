"""What the service holds over time: under twice the load that it sustains, and after many requests."""

import statistics
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.bench.process_tree import resident, watching_others
from pipeline.bench.serving.figures import percentile
from pipeline.bench.serving.load import Load, closed_loop, open_loop
from pipeline.bench.serving.players import Serving

_MIB = 2**20
_CLIENTS = 4  # that wait for their answers: as many as the service takes also shortly after it had to refuse some
_CALM = 1.5  # seconds between two rates tried: the service keeps its queue short for a second after a refusal
_STEP = 0.95  # of one rate tried to the next
_LOWEST = 0.5  # of the throughput of clients that wait
_REFUSED = 0.001  # of the requests at a rate that is sustained
_WARM = 2_000  # requests before memory is first looked at: pools and caches fill in them


@dataclass(frozen=True, kw_only=True)
class Span:
    """`unloaded`: seconds of one client alone; `probe`: seconds of each rate tried; `overload`: seconds at twice the
    sustained one; `requests`: how many the long run has."""

    unloaded: float
    probe: float
    overload: float
    requests: int


def overload(player: Serving, span: Span, say: Callable[[str], None]) -> dict[str, Any]:
    """Offer twice the rate that is sustained: what fails, how long the accepted ones take, what memory does."""
    port, request, processes = player.server.port, player.request, player.server.processes()
    held: array[float] = array("d")
    with player.server.awake():
        closed_loop(port, request, _CLIENTS, seconds=1.0)
        unloaded = percentile(closed_loop(port, request, 1, seconds=span.unloaded).latencies, 0.99)
        rate = sustained_rate(port, request, span.probe)
        say(f"sustains {rate:,.0f} requests a second; offering twice as many for {span.overload:g} s")
        with watching_others() as others:
            load = open_loop(
                port, request, 2 * rate, span.overload, each_second=lambda: held.append(resident(processes) / _MIB)
            )
    accepted = percentile(load.latencies, 0.99)
    return {
        "cores_busy_with_others": others[0],
        "sustained_rate": round(rate, 1),
        "offered_rate": round(2 * rate, 1),
        "seconds": span.overload,
        "accepted": load.accepted,
        "rejected": load.statuses[429],
        "failures": load.failures,
        "unloaded_p99_ms": round(1000 * unloaded, 3),
        "accepted_p50_ms": round(1000 * statistics.median(load.latencies), 3),
        "accepted_p99_ms": round(1000 * accepted, 3),
        "p99_against_unloaded": round(accepted / unloaded, 2),
        "resident_mib": [round(each, 1) for each in held],
        "resident_growth_mib": round(growth(held), 1),
    }


def sustained_rate(port: int, request: bytes, seconds: float) -> float:
    """Requests a second of the quickest open loop, each 5 % slower than the one before, of which at most one in a
    thousand is refused: as many are, on a busy machine, for the sake of others.

    The first goes as fast as clients that wait were answered, the last half as fast, which is taken as it is.
    """
    most = closed_loop(port, request, _CLIENTS, seconds=seconds)
    quickest = most.accepted / most.seconds
    rate = quickest
    while rate > _LOWEST * quickest:
        time.sleep(_CALM)
        if is_sustained(open_loop(port, request, rate, seconds), rate * seconds):
            break
        rate *= _STEP
    return rate


def is_sustained(load: Load, requests: float) -> bool:
    """Whether all but one in a thousand of `requests` were answered with 200."""
    return load.accepted >= (1 - _REFUSED) * round(requests)


def long_run(player: Serving, requests: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Resident memory after each tenth of `requests` from clients that wait for their answers."""
    port, request, processes = player.server.port, player.request, player.server.processes()
    with player.server.awake():
        closed_loop(port, request, _CLIENTS, requests=_WARM)
        held = [resident(processes) / _MIB]
        for tenth in range(10):
            say(f"request {tenth * requests // 10:,} of {requests:,}")
            closed_loop(port, request, _CLIENTS, requests=requests // 10)
            held.append(resident(processes) / _MIB)
    return {
        "requests": requests,
        "resident_mib": [round(each, 1) for each in held],
        "resident_growth_mib": round(held[-1] - held[0], 1),
    }


def growth(samples: "array[float]") -> float:
    """From the median of the second quarter of `samples` to that of the last: the first one fills pools and caches."""
    quarter = len(samples) // 4
    if quarter == 0:
        return 0.0
    return statistics.median(samples[-quarter:]) - statistics.median(samples[quarter : 2 * quarter])

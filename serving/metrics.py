"""What Prometheus reads at /metrics: load, refusals, latency, and what is predicted, for drift.

A request adds to plain numbers, in a microsecond; Prometheus' families are made of them when somebody asks. With
several workers each writes its numbers, every second while they change, into a folder; whichever is asked adds them up.
"""

import asyncio
import math
import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from edge.device.contract import Output
from serving.model import Model

MEDIA_TYPE = CONTENT_TYPE_LATEST.encode()
DIRECTORY = "EDGEWISE_COUNTERS"  # where the workers of one server leave their numbers for each other

_EVERY = 1.0  # seconds between two writings
_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_CONFIDENCES = tuple(step / 20 for step in range(1, 21))


@dataclass(slots=True, kw_only=True)
class Distribution:
    """How many values fell at or below each bound, and above the last; their sum."""

    counts: list[int]
    total: float = 0.0

    def add(self, other: "Distribution") -> None:
        self.counts = [mine + its for mine, its in zip(self.counts, other.counts, strict=True)]
        self.total += other.total


@dataclass(slots=True, kw_only=True)
class Numbers:
    """The numbers of one worker, or the sum of several. `requests` by route and status, `predictions` by label."""

    requests: dict[str, Counter[str]] = field(default_factory=dict)
    seconds: dict[str, Distribution] = field(default_factory=dict)
    predictions: Counter[str] = field(default_factory=Counter)
    confidence: Distribution = field(default_factory=lambda: Distribution(counts=[0] * (len(_CONFIDENCES) + 1)))
    rejected: int = 0
    in_flight: int = 0
    model: dict[str, str] = field(default_factory=dict)

    def add(self, other: "Numbers") -> None:
        for route, statuses in other.requests.items():
            self.requests.setdefault(route, Counter()).update(statuses)
        for route, seconds in other.seconds.items():
            self.seconds.setdefault(route, Distribution(counts=[0] * len(seconds.counts))).add(seconds)
        self.predictions.update(other.predictions)
        self.confidence.add(other.confidence)
        self.rejected += other.rejected
        self.in_flight += other.in_flight


class Metrics(Collector):
    """The numbers of this worker, and the way to those of its siblings."""

    def __init__(self) -> None:
        self.numbers = Numbers()
        folder = os.environ.get(DIRECTORY)
        self._folder = None if folder is None else Path(folder)
        self._waiting = False
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def show(self, model: Model) -> None:
        """Tell which model is served from now on."""
        contract = model.contract
        self.numbers.predictions.update(dict.fromkeys(contract.output.labels, 0))
        self.numbers.model = {
            "name": model.name,
            "version": model.version,
            "sha256": model.sha256,
            "target": contract.target,
            "precision": contract.precision,
            "runtime": model.runtime,
        }

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request to `route`."""
        numbers = self.numbers
        if route not in numbers.requests:
            numbers.requests[route] = Counter()
            numbers.seconds[route] = Distribution(counts=[0] * (len(_SECONDS) + 1))
        numbers.requests[route][str(status)] += 1
        distribution = numbers.seconds[route]
        distribution.counts[bisect_left(_SECONDS, seconds)] += 1
        distribution.total += seconds
        if self._folder is not None and not self._waiting:
            self._waiting = True
            asyncio.get_running_loop().call_later(_EVERY, self._write)

    def predicted(self, logits: NDArray[np.float32], output: Output) -> None:
        """Count answers, by their logits, float32 [n, labels]: the label, and its score in 0..1 as the confidence.

        `output` is that of the model that answered, which a reload may have replaced meanwhile.
        """
        labels, temperature = output.labels, output.temperature
        predictions, confidence = self.numbers.predictions, self.numbers.confidence
        for row in logits.tolist():  # for ten labels a tenth of what numpy takes, and it is seldom a thousand
            largest = max(row)
            predictions[labels[row.index(largest)]] += 1
            if temperature != 1.0:
                row, largest = [each / temperature for each in row], largest / temperature
            score = 1.0 / sum([math.exp(each - largest) for each in row])  # softmax at its largest
            confidence.counts[bisect_left(_CONFIDENCES, score)] += 1
            confidence.total += score

    def page(self) -> bytes:
        """All numbers, of all workers, as Prometheus' text."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Prometheus' families of the numbers that are known now."""
        numbers = self._of_all()
        requests = CounterMetricFamily("edgewise_requests", "Requests answered.", labels=("route", "status"))
        for route, statuses in numbers.requests.items():
            for status, count in statuses.items():
                requests.add_metric((route, status), count)
        seconds = HistogramMetricFamily(
            "edgewise_request_seconds", "From the head of a request to its answer.", labels=("route",)
        )
        for route, distribution in numbers.seconds.items():
            seconds.add_metric((route,), _buckets(_SECONDS, distribution), distribution.total)
        predictions = CounterMetricFamily("edgewise_predictions", "Answers by label.", labels=("label",))
        for label, count in numbers.predictions.items():
            predictions.add_metric((label,), count)
        confidence = HistogramMetricFamily("edgewise_confidence", "Score of the answered label.")
        confidence.add_metric((), _buckets(_CONFIDENCES, numbers.confidence), numbers.confidence.total)
        model = GaugeMetricFamily("edgewise_model_info", "The model that is served.", labels=tuple(numbers.model))
        model.add_metric(tuple(numbers.model.values()), 1)
        yield from (requests, seconds, predictions, confidence, model)
        yield CounterMetricFamily("edgewise_rejected", "Requests refused as the queue was full.", numbers.rejected)
        yield GaugeMetricFamily("edgewise_in_flight", "Requests being answered.", numbers.in_flight)

    def _of_all(self) -> Numbers:
        if self._folder is None:
            return self.numbers
        total = Numbers(model=self.numbers.model)
        total.add(self.numbers)
        mine = self._file(os.getpid())
        for file in self._folder.glob("*.json"):
            if file != mine:
                sibling = _read(orjson.loads(file.read_bytes()))
                # What a worker counted before it died still happened, but it answers nothing any more.
                sibling.in_flight *= _alive(int(file.stem))
                total.add(sibling)
        return total

    def _write(self) -> None:
        self._waiting = False
        partial = self._file(os.getpid()).with_suffix(".partial")
        partial.write_bytes(orjson.dumps(self.numbers))
        partial.replace(self._file(os.getpid()))

    def _file(self, process: int) -> Path:
        return Path(self._folder or "", f"{process}.json")


def _buckets(bounds: tuple[float, ...], distribution: Distribution) -> list[tuple[str, float]]:
    """Prometheus counts in each bucket what is in those before it, too."""
    sums = np.cumsum(distribution.counts).tolist()
    return list(zip((*map(str, bounds), "+Inf"), sums, strict=True))


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)  # sends nothing
    except ProcessLookupError:
        return False
    return True


def _read(fields: dict[str, Any]) -> Numbers:
    """Numbers as a sibling has written them."""
    return Numbers(
        **{
            **fields,
            "requests": {route: Counter(statuses) for route, statuses in fields["requests"].items()},
            "seconds": {route: Distribution(**each) for route, each in fields["seconds"].items()},
            "predictions": Counter(fields["predictions"]),
            "confidence": Distribution(**fields["confidence"]),
        }
    )

"""What Prometheus reads at /metrics: load, refusals, latency, and what is predicted, for drift.

With several workers each writes into files of PROMETHEUS_MULTIPROC_DIR, and whichever is asked adds them up.
"""

import os

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from serving.model import Model

MEDIA_TYPE = CONTENT_TYPE_LATEST.encode()
DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client reads it when it is imported

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_CONFIDENCES = tuple(step / 20 for step in range(1, 21))


class Metrics:
    """The counters of one worker."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._requests = Counter("edgewise_requests", "Requests answered.", ("route", "status"), registry=registry)
        self._seconds = Histogram(
            "edgewise_request_seconds", "From the head of a request to its answer.", ("route",),
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.in_flight = Gauge(
            "edgewise_in_flight", "Requests being answered.", registry=registry, multiprocess_mode="livesum"
        )
        self.rejected = Counter("edgewise_rejected", "Requests refused as the queue was full.", registry=registry)
        self._model = Gauge(
            "edgewise_model_info", "1 for the model that is served, 0 for those before it.",
            ("name", "version", "sha256", "target", "precision", "runtime"),
            registry=registry, multiprocess_mode="livemostrecent",
        )  # fmt: skip
        self._predictions = Counter("edgewise_predictions", "Answers by label.", ("label",), registry=registry)
        self._confidence = Histogram(
            "edgewise_confidence", "Score of the answered label.", buckets=_CONFIDENCES, registry=registry
        )
        self._answered: dict[tuple[str, int], Counter] = {}
        self._timed: dict[str, Histogram] = {}
        self._labels: list[Counter] = []
        self._shown: Gauge | None = None

    def show(self, model: Model) -> None:
        """Tell which model is served from now on."""
        if self._shown is not None:
            self._shown.set(0)
        contract = model.contract
        self._shown = self._model.labels(
            model.name, model.version, model.sha256, contract.target, contract.precision, model.runtime
        )
        self._shown.set(1)
        # Counters are looked up once: by name, each look costs as much as the counting.
        self._labels = [self._predictions.labels(label) for label in contract.output.labels]

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request to `route`."""
        key = (route, status)
        if key not in self._answered:
            self._answered[key] = self._requests.labels(route, str(status))
            self._timed[route] = self._seconds.labels(route)
        self._answered[key].inc()
        self._timed[route].observe(seconds)

    def predicted(self, scores: NDArray[np.float32]) -> None:
        """Count answers, by their scores, float32 [n, labels] in 0..1."""
        for best, score in zip(scores.argmax(axis=1).tolist(), scores.max(axis=1).tolist(), strict=True):
            self._labels[best].inc()
            self._confidence.observe(score)

    def page(self) -> bytes:
        """All counters, of all workers, as Prometheus' text."""
        if DIRECTORY not in os.environ:
            return generate_latest(self._registry)
        gathered = CollectorRegistry()
        MultiProcessCollector(gathered)  # type: ignore[no-untyped-call]
        return generate_latest(gathered)

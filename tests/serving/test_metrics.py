"""Counters of a worker, and of several together."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from scipy.special import expit

from edge.device.contract import Output
from serving.metrics import DIRECTORY, Metrics
from serving.model import load_model

OUTPUT = Output(dtype="uint8", shape=(1, 2), scale=0.1, zero_point=7, labels=("cat", "dog"))


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """The page as Prometheus' own parser reads it."""
    families = text_string_to_metric_families(metrics.page().decode())
    return {
        (each.name, tuple(sorted(each.labels.items()))): each.value for family in families for each in family.samples
    }


def test_page_is_what_prometheus_reads(finished_run: Path) -> None:
    metrics = Metrics()
    metrics.show(load_model(finished_run, "auto"))
    for seconds in (0.0005, 0.003, 7.0):
        metrics.answered("/predict", 200, seconds)
    found = samples(metrics)
    route = ("route", "/predict")
    assert found["edgewise_requests_total", (route, ("status", "200"))] == 3
    assert found["edgewise_request_seconds_bucket", (("le", "0.0005"), route)] == 1
    assert found["edgewise_request_seconds_bucket", (("le", "5.0"), route)] == 2
    assert found["edgewise_request_seconds_bucket", (("le", "+Inf"), route)] == 3
    assert found["edgewise_request_seconds_sum", (route,)] == pytest.approx(7.0035)
    assert found["edgewise_predictions_total", (("label", "7"),)] == 0


def test_answers_count_for_the_labels_of_the_model_that_gave_them(finished_run: Path) -> None:
    metrics = Metrics()
    metrics.show(load_model(finished_run, "auto"))
    metrics.predicted(np.array([[0.0, 9.0]], np.float32), OUTPUT)  # given before a reload, counted after it
    found = samples(metrics)
    assert found["edgewise_predictions_total", (("label", "dog"),)] == 1
    assert sum(value for (name, _), value in found.items() if name == "edgewise_predictions_total") == 1
    assert found["edgewise_confidence_bucket", (("le", "0.95"),)] == 0  # 1 / (1 + exp(-9)) is above


def test_confidence_is_counted_at_the_contracts_temperature() -> None:
    metrics = Metrics()
    metrics.predicted(np.array([[0.0, 9.0], [1.0, 0.0]], np.float32), replace(OUTPUT, temperature=9.0))
    expected = expit(1.0) + expit(1 / 9)  # a softmax of two is the logistic function of their difference
    assert metrics.numbers.confidence.total == pytest.approx(expected)
    assert metrics.numbers.predictions == {"dog": 1, "cat": 1}


def test_numbers_of_workers_add_up_and_the_dead_answer_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, finished_run: Path
) -> None:
    monkeypatch.setenv(DIRECTORY, str(tmp_path))
    model = load_model(finished_run, "auto")
    workers: list[Any] = [Metrics(), Metrics()]
    for metrics in workers:
        metrics.show(model)
        metrics.numbers.requests["/predict"] = type(metrics.numbers.predictions)({"200": 5})
        metrics.numbers.in_flight = 2
    workers[0]._file = lambda _: tmp_path / "999999999.json"  # of a process that is gone
    workers[0]._write()
    found = samples(workers[1])
    assert found["edgewise_requests_total", (("route", "/predict"), ("status", "200"))] == 10
    assert found["edgewise_in_flight", ()] == 2

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from pipeline.temperature import BOUNDS, fit_temperature


def drawn(temperature: float, count: int, classes: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn with the chances that the logits divided by `temperature` state."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 4, (count, classes)).astype(np.float32)
    noise = random.gumbel(size=logits.shape)  # the largest of logits and Gumbel noise is a draw from their softmax
    return logits, (logits / temperature + noise).argmax(1).astype(np.int32)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_fit_finds_the_temperature_that_labels_were_drawn_with(temperature: float) -> None:
    fitted = fit_temperature(*drawn(temperature, 20_000))
    assert fitted is not None
    assert fitted.temperature == pytest.approx(temperature, rel=0.05)
    assert fitted.interval[0] < temperature < fitted.interval[1]


def test_fit_is_the_least_of_scipys_likelihood() -> None:
    logits, labels = drawn(1.7, 500)

    def likelihood(logarithm: float) -> float:
        return -float(log_softmax(logits / np.exp(logarithm), axis=1)[np.arange(len(labels)), labels].mean())

    least = minimize_scalar(likelihood, bounds=np.log(BOUNDS), method="bounded", options={"xatol": 1e-8})
    fitted = fit_temperature(logits, labels)
    assert fitted is not None
    assert fitted.temperature == pytest.approx(np.exp(least.x), rel=1e-3)


def test_interval_covers_the_true_temperature_about_as_often_as_it_says() -> None:
    inside = 0
    for seed in range(100):
        fitted = fit_temperature(*drawn(1.5, 400, seed=seed))
        assert fitted is not None
        inside += fitted.interval[0] <= 1.5 <= fitted.interval[1]
    assert inside >= 88  # of 100 draws of 95 %, fewer come once in a thousand


def test_fit_of_answers_that_are_all_right_is_none() -> None:
    logits, _ = drawn(1.0, 300)
    assert fit_temperature(logits, logits.argmax(1).astype(np.int32)) is None


def test_fit_of_answers_that_are_all_wrong_is_none() -> None:
    logits, _ = drawn(1.0, 300)
    assert fit_temperature(logits, logits.argmin(1).astype(np.int32)) is None


def test_fit_stays_finite_with_very_large_logits() -> None:
    logits, labels = drawn(2.0, 2000)
    fitted = fit_temperature(logits + np.float32(1e4), labels)
    assert fitted is not None
    assert fitted.temperature == pytest.approx(2.0, rel=0.1)

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from pipeline.temperature import Fitted, fit_temperature


def drawn(temperature: float, count: int, classes: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn with the chances that the logits divided by `temperature` state."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 4, (count, classes)).astype(np.float32)
    noise = random.gumbel(size=logits.shape)  # the largest of logits and Gumbel noise is a draw from their softmax
    return logits, (logits / temperature + noise).argmax(1).astype(np.int32)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_fit_finds_the_temperature_that_labels_were_drawn_with(temperature: float) -> None:
    fitted = fit_temperature(*drawn(temperature, 20_000))
    assert isinstance(fitted, Fitted)
    assert fitted.temperature == pytest.approx(temperature, rel=0.05)
    assert fitted.interval[0] < temperature < fitted.interval[1]


def test_fit_is_the_least_of_scipys_likelihood() -> None:
    logits, labels = drawn(1.7, 500)

    def likelihood(logarithm: float) -> float:
        return -float(log_softmax(logits / np.exp(logarithm), axis=1)[np.arange(len(labels)), labels].mean())

    least = minimize_scalar(likelihood, bounds=np.log((0.01, 100)), method="bounded", options={"xatol": 1e-8})
    fitted = fit_temperature(logits, labels)
    assert isinstance(fitted, Fitted)
    assert fitted.temperature == pytest.approx(np.exp(least.x), rel=1e-3)


def test_interval_covers_the_true_temperature_about_as_often_as_it_says() -> None:
    inside = 0
    for seed in range(100):
        fitted = fit_temperature(*drawn(1.5, 400, seed=seed))
        assert isinstance(fitted, Fitted)
        inside += fitted.interval[0] <= 1.5 <= fitted.interval[1]
    assert inside >= 88  # of 100 draws of 95 %, fewer come once in a thousand


def test_fit_of_answers_that_are_all_right_has_no_temperature() -> None:
    logits, _ = drawn(1.0, 300)
    assert fit_temperature(logits, logits.argmax(1).astype(np.int32)) == "all right"


def test_fit_of_answers_that_are_no_better_than_guesses_has_no_temperature() -> None:
    logits, _ = drawn(1.0, 300)
    assert fit_temperature(logits, logits.argmin(1).astype(np.int32)) == "chance"
    assert fit_temperature(np.zeros_like(logits), np.zeros(300, np.int32)) == "chance"


@pytest.mark.parametrize("unit", [1e-4, 1e3])
def test_fit_of_a_good_model_follows_the_unit_of_its_logits(unit: float) -> None:
    logits, labels = drawn(2.0, 2000)
    plain, other = fit_temperature(logits, labels), fit_temperature(np.float32(unit) * logits, labels)
    assert isinstance(plain, Fitted)
    assert isinstance(other, Fitted)
    assert other.temperature == pytest.approx(unit * plain.temperature, rel=1e-4)
    assert other.interval == pytest.approx([unit * end for end in plain.interval], rel=1e-4)


def test_fit_beyond_what_a_contract_may_hold_is_out_of_bounds() -> None:
    logits, labels = drawn(2.0, 2000)
    assert fit_temperature(np.float32(1e7) * logits, labels) == "out of bounds"


def test_fit_stays_finite_with_very_large_logits() -> None:
    logits, labels = drawn(2.0, 2000)
    fitted = fit_temperature(logits + np.float32(1e4), labels)
    assert isinstance(fitted, Fitted)
    assert fitted.temperature == pytest.approx(2.0, rel=0.1)

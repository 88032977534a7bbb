"""Running over many pictures in parallel gives what one interpreter gives alone."""

from pathlib import Path

import numpy as np

from edge.device.runtimes import open_runtime
from pipeline.data.dataset import Split, load_dataset
from pipeline.evaluation import agreement, evaluate_logits, run_in


def test_parallel_run_equals_one_interpreter_and_reports_every_picture(finished_run: Path) -> None:
    samples = load_dataset(finished_run / "data").part(Split.VALIDATION)
    file = finished_run / "quantize" / "int8-qat.tflite"
    seen: list[tuple[int, int]] = []
    logits = run_in("litert-reference", file, samples, lambda _, done, total: seen.append((done, total)), "x")
    np.testing.assert_array_equal(logits, open_runtime("litert-reference", file).run(samples.all()))
    assert max(seen) == (len(samples), len(samples))


def test_accuracy_and_agreement_are_shares_of_samples() -> None:
    logits = np.array([[2, 1], [0, 1], [3, 0], [0, 9]], np.float32)
    accuracy = evaluate_logits(logits, np.array([0, 1, 1, 1], np.int32))
    assert (accuracy.top1, accuracy.count) == (0.75, 4)
    assert agreement(logits, logits[::-1]) == 0.0

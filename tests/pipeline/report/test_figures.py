"""Figures of results.json made another way: the file in its bare runtime, counted by hand or by another library."""

import json
from collections.abc import Callable
from fractions import Fraction
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, log_loss

from pipeline.data.dataset import Dataset, Split, load_dataset

Logits = NDArray[np.float64]


@pytest.fixture(scope="module")
def results(reported: Path) -> dict[str, Any]:
    return json.loads((reported / "report" / "results.json").read_text())  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def dataset(reported: Path) -> Dataset:
    return load_dataset(reported / "data")


@pytest.fixture(scope="module")
def bare(reported: Path, dataset: Dataset) -> Callable[[OpResolverType], Logits]:
    """What cpu/model.tflite answers on the blind test, without any code of ours around the interpreter."""

    def run(kernels: OpResolverType) -> Logits:
        file = str(reported / "export" / "cpu" / "model.tflite")
        interpreter = Interpreter(model_path=file, experimental_op_resolver_type=kernels)
        interpreter.allocate_tensors()
        source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        answers = []
        for picture in dataset.images[dataset.split == Split.BLIND_TEST]:
            interpreter.set_tensor(source["index"], picture[np.newaxis])
            interpreter.invoke()
            answers.append(interpreter.get_tensor(result["index"])[0])
        scale, zero_point = result["quantization"]
        return scale * (np.array(answers, np.float64) - zero_point)

    return run


@pytest.fixture(scope="module")
def truth(dataset: Dataset) -> NDArray[np.int32]:
    return dataset.labels[dataset.split == Split.BLIND_TEST]


@pytest.fixture(scope="module")
def float_labels(reported: Path) -> NDArray[np.int64]:
    with np.load(reported / "train" / "float.npz") as arrays:
        return arrays["blind_test"].argmax(1)  # type: ignore[no-any-return]


def test_significance_is_that_of_pairs_counted_one_by_one(
    results: dict[str, Any], bare: Any, truth: Any, float_labels: Any
) -> None:
    labels = bare(OpResolverType.BUILTIN_REF).argmax(1)
    (row,) = (
        each
        for each in results["significance"]["compared"]
        if each["subject"] == "cpu/model.tflite in litert-reference"
    )
    lost = sum(1 for was, now, true in zip(float_labels, labels, truth, strict=True) if was == true != now)
    gained = sum(1 for was, now, true in zip(float_labels, labels, truth, strict=True) if was != true == now)
    assert (row["lost"], row["gained"]) == (lost, gained)
    trials = lost + gained
    tail = sum(comb(trials, each) for each in range(min(lost, gained) + 1))
    assert row["p"] == pytest.approx(float(min(Fraction(1), Fraction(2 * tail, 2**trials))))


def test_intervals_of_accuracy_are_those_of_scipy(results: dict[str, Any]) -> None:
    for row in results["proven"]["artefacts"]:
        count = results["proven"]["float_model"]["samples"]
        interval = binomtest(round(row["top1"] * count), count).proportion_ci(method="wilson")
        assert row["top1_interval"] == pytest.approx([interval.low, interval.high])


def test_flips_are_those_of_the_bare_interpreters(results: dict[str, Any], bare: Any) -> None:
    reference, quick = bare(OpResolverType.BUILTIN_REF), bare(OpResolverType.AUTO)
    facts = results["agreement"]
    place = {name: index for index, group in enumerate(facts["groups"]) for name in group["names"]}
    ends = {place["cpu/model.tflite in litert-reference"], place["cpu/model.tflite in litert"]}
    pair = next((each for each in facts["pairs"] if {each["first"], each["second"]} == ends), None)
    flips, difference = int((reference.argmax(1) != quick.argmax(1)).sum()), np.abs(reference - quick).max()
    if pair is None:  # one letter for both: they must be equal
        assert len(ends) == 1
        assert difference == 0
    else:
        assert (pair["flips"], pair["difference"]) == (flips, pytest.approx(difference, rel=1e-5))


def test_confusion_is_that_of_scikit_learn(results: dict[str, Any], truth: Any, float_labels: Any) -> None:
    labels = range(len(results["classes"]["names"]))
    assert results["classes"]["float_matrix"] == confusion_matrix(truth, float_labels, labels=labels).tolist()


def test_calibration_error_is_that_of_a_loop_over_bins(results: dict[str, Any], bare: Any, truth: Any) -> None:
    logits = bare(OpResolverType.AUTO)
    scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    (model,) = (each for each in results["confidence"]["models"] if each["name"] == "cpu/model.tflite in litert")
    error = 0.0
    for number in range(15):
        inside = [at for at, row in enumerate(scores) if number / 15 < row.max() <= (number + 1) / 15]
        if inside:
            right = sum(scores[at].argmax() == truth[at] for at in inside) / len(inside)
            error += len(inside) / len(scores) * abs(right - sum(scores[at].max() for at in inside) / len(inside))
    assert model["plain"]["ece"] == pytest.approx(error, abs=1e-6)
    assert model["plain"]["likelihood"] == pytest.approx(log_loss(truth, scores, labels=range(10)), abs=1e-6)


def test_noise_of_the_answers_is_that_of_onnx_runtime_against_float(
    results: dict[str, Any], reported: Path, dataset: Dataset
) -> None:
    (model,) = (each for each in results["layers"]["models"] if each["name"].startswith("cpu/model.tflite"))
    validation = np.flatnonzero(dataset.split == Split.VALIDATION)
    taken = np.linspace(0, len(validation) - 1, model["samples"]).round().astype(int)  # evenly over the split
    session = onnxruntime.InferenceSession(reported / "export" / "cpu" / "model.onnx")  # equal to the reference kernels
    name = session.get_inputs()[0].name
    pictures = dataset.images[validation[taken]]
    answers = np.concatenate([session.run(None, {name: picture[np.newaxis]})[0] for picture in pictures])
    with np.load(reported / "train" / "float.npz") as arrays:
        wanted = arrays["validation"][taken].astype(np.float64)
    decibels = 10 * np.log10((wanted**2).sum() / ((wanted - answers) ** 2).sum())
    assert model["layers"][-1]["sqnr"] == pytest.approx(decibels, abs=0.05)

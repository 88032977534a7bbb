"""The prediction against what Google's compiler did to published models."""

import json
from pathlib import Path

import pytest

from edge.targets import coral
from edge.targets.coral.memory import parameter_bytes

MODELS = (
    "086adea_mobilenet_v2_1.0_224_quant",
    "bodypix_mobilenet_v1_075_512_512_16_quant_decoder",
    "bright_16x16",
    "deeplabv3_mnv2_dm05_pascal_quant",
    "edgetpu_deeplabv3_mnv2_dm05_pascal_quant",
    "edgetpu_mobilenet_edgetpu_0.75_224_post_training_quant",
    "gabor_64x64_7k_4o_2s",
    "gabor_64x64_p4",
    "keras_lstm_mnist_ptq",
    "looming_64x64_3x3",
    "mobilenet_v1_0.25_128_quant",
    "mobilenet_v1_1.0_224_quant_embedding_extractor",
    "posenet_mobilenet_v1_075_353_481_16_quant_decoder",
    "split_concat",
)


@pytest.mark.parametrize("name", MODELS)
def test_check_of_a_published_model_agrees_with_its_compiler(name: str, shared: Path) -> None:
    truth = _truth(shared)[f"{name}.tflite"]
    verdict = coral.check(shared / "edgetpu" / "models" / f"{name}.tflite", None)
    left = [each.index for each in verdict.operators if each.placement == "cpu"]
    assert (left, verdict.mapped_count) == (truth["cpu_op_indices"], truth["mapped_count"])
    assert verdict.fits == "yes"
    assert all(each.reason for each in verdict.operators if each.placement == "cpu")
    compiled = truth["on_chip_cached_bytes"] + truth["off_chip_streamed_bytes"]
    assert verdict.estimates["on_chip_bytes"] == pytest.approx(compiled, rel=0.1)


def test_every_published_model_is_tested(shared: Path) -> None:
    assert set(_truth(shared)) == {f"{name}.tflite" for name in MODELS}


# Bytes of parameters of compiled single layers, quantized per channel:
# github.com/RingCanary/coral-usb-oxidized, docs/phase3_conv2d_kickoff_2026-03-06.md
@pytest.mark.parametrize(
    ("inputs", "outputs", "size"),
    [(32, 32, 1280), (64, 64, 4608), (128, 64, 8704), (64, 128, 9216), (128, 128, 17408)],
)
def test_parameter_bytes_of_a_pointwise_convolution_are_those_published(inputs, outputs, size, tensor, single):
    weights = tensor(outputs, 1, 1, inputs, data=[0], scales=outputs)
    graph = single("CONV_2D", [tensor(1, 32, 32, inputs), weights], tensor(1, 32, 32, outputs))
    assert parameter_bytes(graph, {0}) == size


# github.com/ricardodeazambuja/LibrEdgeTPU, docs/HARDWARE_ANALYSIS.md: 66.00 KiB in the compiler's log.
def test_parameter_bytes_of_a_dense_layer_are_those_published(tensor, single):
    weights = tensor(256, 256, data=[0], scales=256)
    assert parameter_bytes(single("FULLY_CONNECTED", [tensor(1, 256), weights], tensor(1, 256)), {0}) == 67_584


def test_parameter_bytes_of_operators_on_the_cpu_are_not_counted(tensor, single):
    weights = tensor(8, 1, 1, 8, data=[0])
    assert parameter_bytes(single("CONV_2D", [tensor(1, 4, 4, 8), weights], tensor(1, 4, 4, 8)), ()) == 0


def _truth(shared: Path) -> dict[str, dict]:
    content = json.loads((shared / "edgetpu" / "compiler_truth.json").read_text())
    return {each["model"]: each for each in content["models"]}

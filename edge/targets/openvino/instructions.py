"""DEVICE.md: how the representation is run on the device that it is meant for."""

from edge.target import Precision


def device_page(model: str, precision: Precision) -> str:
    """The commands for an Intel CPU, GPU or NPU.

    Source: https://docs.openvino.ai/2025/get-started/learn-openvino/openvino-samples/benchmark-tool.html
    """
    return f"""# {model} on Intel CPUs, GPUs and NPUs

Precision: {precision}. Input `image`: uint8 [1, c, h, w], raw pixels 0 to 255, channels first. Output `logits`:
float32. contract.json says how pictures are decoded and resized. model.bin holds the weights and stays beside {model}.

It was run here on OpenVINO's CPU device alone. On another one, ask it first and measure:

    pip install openvino
    python -c "import openvino as ov; print(ov.Core().available_devices)"
    benchmark_app -m {model} -d NPU -hint latency     # or GPU, CPU; -pc shows each layer's precision

In a program: `openvino.Core().compile_model("{model}", "NPU")`. Compare its answers with golden.npz before it serves
anyone: a GPU or NPU computes in float16 what is not int8, so logits differ in the last digits.
"""

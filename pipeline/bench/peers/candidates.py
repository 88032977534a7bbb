"""The peers: how each is run, from which float file, and what executes its result."""

from dataclasses import dataclass

from pipeline.bench.materials import KERAS, ONNX, SAVED_MODEL, TFLITE


@dataclass(frozen=True, kw_only=True)
class Peer:
    """`program` of `programs/` with `arguments` makes `file`, which `runtime` (of `pipeline.bench.callers`) executes.

    It begins with `source` among the materials, which `source_runtime` executes. `lock` names the environment of
    `requirements/`, our own where it is None; `packages`, what is told the versions of. `seeded`: whether its result
    depends on the calibration set. `how`: its settings in words.
    """

    program: str
    source: str
    source_runtime: str
    file: str
    runtime: str
    packages: tuple[str, ...]
    how: str
    lock: str | None = None
    arguments: tuple[str, ...] = ()
    seeded: bool = True


def _nncf(correction: str) -> Peer:
    return Peer(
        program="nncf_openvino",
        arguments=(correction,),
        source=SAVED_MODEL,
        source_runtime="openvino",
        file="model.xml",
        runtime="OpenVINO, own precision",
        lock="nncf",
        packages=("nncf", "openvino"),
        how=f"nncf.quantize with its defaults and {correction} bias correction",
    )


PEERS: dict[str, Peer] = {
    "TF Lite PTQ": Peer(
        program="tensorflow_lite",
        source=TFLITE,
        source_runtime="litert",
        file="model.tflite",
        runtime="litert",
        packages=("tensorflow",),
        how="TFLiteConverter, full integer after training",
    ),
    "tfmot": Peer(
        program="tfmot_aware",
        source=KERAS,
        source_runtime="tf.function",
        file="model.tflite",
        runtime="litert",
        packages=("tensorflow-model-optimization", "tensorflow"),
        how="quantize_model, one epoch of Adam, no augmentation, then the converter; the seeds are of the training",
    ),
    "ai-edge-quantizer": Peer(
        program="ai_edge_static",
        source=TFLITE,
        source_runtime="litert",
        file="model.tflite",
        runtime="litert",
        lock="ai-edge-quantizer",
        packages=("ai-edge-quantizer",),
        how="recipe static_wi8_ai8",
    ),
    "ONNX Runtime": Peer(
        program="onnxruntime_static",
        source=ONNX,
        source_runtime="onnxruntime",
        file="model.onnx",
        runtime="onnxruntime",
        lock="onnxruntime",
        packages=("onnxruntime",),
        how="quant_pre_process, then quantize_static: QDQ, U8S8, per channel, MinMax",
    ),
    "NNCF, fast": _nncf("fast"),
    "NNCF, full": _nncf("full"),
    "Keras 3": Peer(
        program="keras3_int8",
        source=KERAS,
        source_runtime="Keras 3",
        file="model.keras",
        runtime="Keras 3",
        packages=("keras",),
        seeded=False,
        how='model.quantize("int8"): Dense layers alone, its convolutions stay float',
    ),
}

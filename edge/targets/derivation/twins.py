"""The passes of each ONNX flavour, in order."""

from pathlib import Path

import onnx
from onnx import ModelProto

from edge.device.errors import ConversionFailed
from edge.device.files import write_bytes
from edge.targets.derivation.activations import recentre, shift_to_uint8
from edge.targets.derivation.biases import float_biases
from edge.targets.derivation.clamps import clamp_codes, saturating_clips_to_relu
from edge.targets.derivation.flatten import fold_flatten
from edge.targets.derivation.graph import drop_unused
from edge.targets.derivation.half import halve_float_parts, to_half
from edge.targets.derivation.pads import fold_pads
from edge.targets.derivation.picture import cast_picture
from edge.targets.derivation.tflite_import import OPSET, import_tflite
from edge.tflite import Graph, read_graph


def cpu_twin(file: Path, *, channels_first: bool = False) -> ModelProto:
    """The ONNX twin of a TFLite file for CPUs: uint8 in, uint8 activations in between, float32 logits out.

    The input is NCHW with `channels_first`, NHWC otherwise.
    """
    model = import_tflite(file, channels_first=channels_first)
    graph = model.graph
    fold_pads(graph)
    if channels_first:
        fold_flatten(graph, _shapes(model))
    shift_to_uint8(graph)
    clamp_codes(graph)
    drop_unused(graph)
    return model


def tensorrt_twin(file: Path, *, opset: int = OPSET, any_batch: bool = True) -> ModelProto:
    """ONNX for TensorRT from a TFLite file: uint8 NCHW in, explicit int8 with zero point 0 (or float), logits out.

    The batch is free with `any_batch`, one otherwise.
    """
    source = read_graph(file)
    model = import_tflite(file, channels_first=True, opset=opset, any_batch=any_batch)
    graph = model.graph
    fold_pads(graph)
    fold_flatten(graph, _shapes(model))
    if source.input.scales:
        cast_picture(graph)
        float_biases(graph)
        recentre(graph)
        saturating_clips_to_relu(graph)
        halve_float_parts(graph)
    elif _is_half(source):
        to_half(graph)
    drop_unused(graph)
    return model


def save_model(model: ModelProto, file: Path) -> None:
    """Write `model` once ONNX's own checker has accepted it.

    Raises ConversionFailed otherwise.
    """
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ConversionFailed(f"{file.name}: the ONNX derived from TFLite is not valid: {error}") from error
    write_bytes(file, model.SerializeToString())


def _is_half(source: Graph) -> bool:
    return any(tensor.dtype == "FLOAT16" for tensor in source.tensors)


def _shapes(model: ModelProto) -> dict[str, tuple[int, ...]]:
    graph = onnx.shape_inference.infer_shapes(model).graph
    values = (*graph.input, *graph.value_info, *graph.output)
    return {value.name: tuple(each.dim_value for each in value.type.tensor_type.shape.dim) for value in values}

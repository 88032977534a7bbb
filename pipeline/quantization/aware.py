"""Quantization-aware training: the float network with fake quantization in it."""

from typing import Any

from edge.device.errors import BadModel


def quantization_aware(core: Any, scale: float, zero_point: int, *, allow_float_layers: bool = False) -> Any:
    """The tf_keras model that trains with int8 arithmetic imitated, starting from the weights of `core`.

    `core` is a functional tf_keras model, float32 in and out, whose input is `scale * (byte - zero_point)`; it stays as
    it is. Train the result as any Keras model (a learning rate of a hundredth of the float one's and a few hundred
    steps), keep it with `save_weights("*.h5")`, and load that into a model made here from an equal `core`.

    Raises BadModel where tfmot cannot quantize some layers and `allow_float_layers` is False, and where the network has
    layers that it cannot copy.
    """
    import tensorflow_model_optimization as tfmot

    from pipeline.quantization.symmetric import SymmetricScheme

    scheme = SymmetricScheme(scale, zero_point)
    try:
        annotated = tfmot.quantization.keras.quantize_annotate_model(core)
        aware = tfmot.quantization.keras.quantize_apply(annotated, scheme)
    except (ValueError, RuntimeError) as error:
        raise BadModel(
            f"{core.name}: tfmot cannot make this network aware of quantization ({_first_line(error)}); it takes "
            "functional networks of Keras's own layers: set quantize.aware = false"
        ) from error
    left_float = scheme.registry.left_float
    if left_float and not allow_float_layers:
        raise BadModel(
            f"{core.name}: tfmot cannot quantize {', '.join(left_float)}; use other layers, set quantize.aware = "
            "false, or let them stay float with quantize.allow_float_layers = true"
        )
    return aware


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__

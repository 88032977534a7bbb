"""Which device trains, and in which precision."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge.device.errors import Unavailable
from pipeline.recipe import Train

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where training runs: a tf.distribute strategy, the Keras precision policy, and both in words."""

    strategy: "tf.distribute.Strategy"
    precision: str
    words: str


def choose_place(settings: Train) -> Place:
    """The strategy and the precision that the recipe asks for on this machine.

    Raises Unavailable where the recipe wants a device that is not here.
    """
    import tensorflow as tf

    gpus = tf.config.list_logical_devices("GPU")
    kind = settings.devices
    if kind == "auto":
        # Cloud TPU machines name theirs; its cores are seen only after connecting.
        kind = "tpu" if "TPU_NAME" in os.environ else "gpu" if gpus else "cpu"
    if kind == "tpu":
        try:
            # A TPU VM's own cores are called "local": https://www.tensorflow.org/guide/tpu
            resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(os.environ.get("TPU_NAME", "local"))
        except (ValueError, RuntimeError, ImportError, OSError, tf.errors.OpError):
            raise _absent("tpu") from None
        strategy = tf.distribute.TPUStrategy(resolver)
        words = f"TPU with {strategy.num_replicas_in_sync} cores"
    elif kind == "gpu":
        if not gpus:
            raise _absent("gpu")
        if len(gpus) == 1:
            strategy, words = tf.distribute.OneDeviceStrategy(gpus[0].name), "one GPU"
        else:
            strategy, words = tf.distribute.MirroredStrategy(), f"{len(gpus)} GPUs, mirrored"
    else:
        strategy, words = tf.distribute.OneDeviceStrategy("/cpu:0"), "CPU"
    precision = _precision(settings, kind)
    return Place(strategy=strategy, precision=precision, words=f"{words}, {precision}")


def _precision(settings: Train, kind: str) -> str:
    if settings.precision != "auto":
        return settings.precision
    # Rounding of bfloat16 sums differs between kernels: exact repetition is promised for float32 alone.
    if settings.deterministic:
        return "float32"
    if kind == "gpu":
        return "mixed_float16"
    return "mixed_bfloat16" if kind == "tpu" or _cpu_has_bfloat16() else "float32"


def _cpu_has_bfloat16() -> bool:
    flags = Path("/proc/cpuinfo")
    return flags.exists() and not {"amx_bf16", "avx512_bf16"}.isdisjoint(flags.read_text().split())


def _absent(kind: str) -> Unavailable:
    return Unavailable(f'train.devices = "{kind}": TensorFlow sees none here; use "auto" or "cpu", or check its driver')

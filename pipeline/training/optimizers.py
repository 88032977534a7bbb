"""Optimizers by name, each a function of the weight decay. The rate is set anew at every step."""

from collections.abc import Callable
from typing import TypeAlias

import tf_keras as keras

_Optimizer: TypeAlias = keras.optimizers.Optimizer

OPTIMIZERS: dict[str, Callable[[float | None], _Optimizer]] = {
    "sgd": lambda decay: keras.optimizers.SGD(weight_decay=decay),
    "momentum": lambda decay: keras.optimizers.SGD(momentum=0.9, weight_decay=decay),
    "nesterov": lambda decay: keras.optimizers.SGD(momentum=0.9, nesterov=True, weight_decay=decay),
    "rmsprop": lambda decay: keras.optimizers.RMSprop(weight_decay=decay),
    "adam": lambda decay: keras.optimizers.Adam(weight_decay=decay),
    "adamw": lambda decay: keras.optimizers.AdamW(weight_decay=decay or 0.0),
}


def make_optimizer(name: str, weight_decay: float) -> _Optimizer:
    """Optimizer `name` with decoupled weight decay (Loshchilov & Hutter 2019) on kernels alone."""
    optimizer = OPTIMIZERS[name](weight_decay or None)
    # Decaying biases and normalisation moves activations without regularising anything.
    optimizer.exclude_from_weight_decay(var_names=[r"/(bias|gamma|beta)(:|$)"])
    return optimizer

"""Libraries that talk on standard error from C++ while they load, where no logger of Python's can stop them."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Send the process's standard error nowhere for the moment; exceptions are not affected."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def load_tensorflow() -> None:
    """Import TensorFlow and what goes with it without its notes about this machine's CPU and missing GPU."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with silent_stderr():
        import tensorflow as tf
        import tensorflow_model_optimization  # noqa: F401 - it imports more of TensorFlow, which speaks again

        # The C++ runtime wakes, and says so, at its first operation.
        tf.config.list_logical_devices()
    logging.getLogger("tensorflow").setLevel(logging.ERROR)

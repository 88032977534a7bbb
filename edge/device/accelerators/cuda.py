"""As much of CUDA's runtime library as running an engine takes, through ctypes: memory, copies, one stream.

https://docs.nvidia.com/cuda/cuda-runtime-api/
"""

from __future__ import annotations

import ctypes
from typing import Any

from edge.device.errors import Unavailable

LIBRARIES = (
    "libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0", "libcudart.so",
    "/usr/local/cuda/lib64/libcudart.so",  # where JetPack puts it, not always on the loader's path
)  # fmt: skip

_TO_DEVICE, _TO_HOST = 1, 2  # cudaMemcpyKind


class Cuda:
    """The library and a stream. What it allocates stays until the process ends: a runner loads one model."""

    def __init__(self, library: Any) -> None:
        self._library = library
        library.cudaGetErrorString.restype = ctypes.c_char_p
        stream = ctypes.c_void_p()
        self._call("cudaStreamCreate", ctypes.byref(stream))
        self.stream = int(stream.value or 0)

    def allocate(self, size: int) -> int:
        """The address of `size` bytes on the GPU."""
        address = ctypes.c_void_p()
        self._call("cudaMalloc", ctypes.byref(address), ctypes.c_size_t(size))
        return int(address.value or 0)

    def to_device(self, address: int, source: Any) -> None:
        """Copy the numpy array `source`, whose elements lie in order, to `address`."""
        self._copy(address, source.ctypes.data, source.nbytes, _TO_DEVICE)

    def to_host(self, target: Any, address: int) -> None:
        """Fill the numpy array `target` from `address`."""
        self._copy(target.ctypes.data, address, target.nbytes, _TO_HOST)

    def wait(self) -> None:
        """Until all that was asked for on the stream is done."""
        self._call("cudaStreamSynchronize", ctypes.c_void_p(self.stream))

    def _copy(self, target: int, source: int, size: int, kind: int) -> None:
        # Pointers in c_void_p: a bare int would be cut to 32 bits.
        self._call(
            "cudaMemcpyAsync",
            ctypes.c_void_p(target),
            ctypes.c_void_p(source),
            ctypes.c_size_t(size),
            ctypes.c_int(kind),
            ctypes.c_void_p(self.stream),
        )

    def _call(self, name: str, *arguments: Any) -> None:
        status = int(getattr(self._library, name)(*arguments))
        if status != 0:
            reason = self._library.cudaGetErrorString(ctypes.c_int(status)).decode(errors="replace")
            raise Unavailable(f"{name}: CUDA says {reason} ({status})")


def open_cuda() -> Cuda:
    """Raises Unavailable where the library or a GPU is missing."""
    found = next(filter(None, map(_loaded, LIBRARIES)), None)
    if found is None:
        raise Unavailable(f"{LIBRARIES[0]}, .12 or .11.0 cannot be loaded; on a Jetson it comes with JetPack")
    return Cuda(found)


def _loaded(name: str) -> Any | None:
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None

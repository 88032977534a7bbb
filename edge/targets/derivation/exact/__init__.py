"""ONNX that repeats LiteRT's reference kernels bit for bit: the TFLite file's integers, operator by operator."""

from edge.targets.derivation.exact.twin import exact_twin

__all__ = ["exact_twin"]

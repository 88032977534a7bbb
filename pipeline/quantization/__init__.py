"""Quantization: training that is aware of it, and conversion to TFLite."""

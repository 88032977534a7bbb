"""ONNX derived from TFLite: small passes over an ONNX graph, each with one purpose, in the order of their target.

A pass takes an `onnx.GraphProto` and changes it in place. What only reads a graph stands in `graph.py`.
"""

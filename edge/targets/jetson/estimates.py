"""How large a network is: bytes of weights, bytes of activations, multiply-accumulates. No engine is asked."""

from math import prod

from onnx import NodeProto, TensorProto

from edge.targets.jetson.network import Network, attribute, elements

BITS = {
    TensorProto.FLOAT: 32, TensorProto.FLOAT16: 16, TensorProto.BFLOAT16: 16, TensorProto.DOUBLE: 64,
    TensorProto.INT8: 8, TensorProto.UINT8: 8, TensorProto.BOOL: 8, TensorProto.INT32: 32, TensorProto.INT64: 64,
    TensorProto.FLOAT8E4M3FN: 8, TensorProto.INT4: 4, TensorProto.FLOAT4E2M1: 4,
}  # fmt: skip
LARGEST = 2**53  # beyond it a shape is damaged


def estimate(network: Network) -> dict[str, int]:
    """`weight_bytes`; and, as far as shapes are known, at batch 1, `activation_bytes` (all results together, an upper
    bound: an engine reuses memory) and `macs`."""
    weights = sum(_bytes(network, name) or 0 for name in network.initializers)
    results = [name for node in network.nodes for name in node.output if name and not network.is_constant(name)]
    activations = [_bytes(network, name) for name in results]
    macs = [_macs(network, node) for node in network.nodes]
    found = {"weight_bytes": weights}
    if None not in activations:
        found["activation_bytes"] = sum(each or 0 for each in activations)
    if None not in macs:
        found["macs"] = sum(each or 0 for each in macs)
    return {name: value for name, value in found.items() if value <= LARGEST}


def _bytes(network: Network, tensor: str) -> int | None:
    count, bits = elements(network.shape_of(tensor)), BITS.get(network.type_of(tensor))
    return None if count is None or bits is None else (count * bits + 7) // 8


def _macs(network: Network, node: NodeProto) -> int | None:
    """Multiply-accumulates of a convolution or product, 0 of anything else, None where its shapes are not known."""
    if node.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
        return 0
    if len(node.input) < 2 or not node.output:
        return None
    weights = network.shape_of(node.input[1])
    # A transposed convolution spreads each input value over a kernel; the others gather one for each output value.
    values = elements(network.shape_of(node.input[0] if node.op_type == "ConvTranspose" else node.output[0]))
    if values is None or weights is None or any(length is None or length < 0 for length in weights):
        return None
    lengths = [length or 0 for length in weights]
    if node.op_type in ("Conv", "ConvTranspose"):
        return values * prod(lengths[1:])
    if node.op_type == "Gemm" and attribute(node, "transB", 0):
        return values * lengths[-1]
    return values * lengths[-2 if len(lengths) > 1 else 0] if lengths else None

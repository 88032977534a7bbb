"""Where QuantizeLinear and DequantizeLinear stand: what TensorRT fuses into int8 kernels, and what stays in float.

Source: "Q/DQ Layer-Placement Recommendations" in NVIDIA's "Working with Quantized Types",
https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/work-quantized-types.html
"""

from onnx import NodeProto

from edge.target import Finding
from edge.targets.jetson.network import Network, name_of

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
FUSED = ("Relu", "Clip", "BatchNormalization", "LeakyRelu", "Sigmoid", "Tanh", "HardSwish")


def check_weighted(network: Network) -> list[Finding]:
    """Convolutions and products with both operands quantized or neither, and no BatchNormalization after them."""
    findings = []
    for node in _weighted(network):
        quantized = [_is_dequantized(network, name) for name in node.input[:2]]
        if any(quantized) and not all(quantized):
            side = "data" if quantized[0] else "weights"
            findings.append(_warning(node, f"only its {side} are int8: runs in float", "quantize both"))
        followers = network.readers(next(iter(node.output), ""))
        if all(quantized) and any(each.op_type == "BatchNormalization" for each in followers):
            findings.append(_warning(node, "BatchNormalization follows in float", "fold it into the weights"))
    return findings


def check_fusion(network: Network) -> list[Finding]:
    """No Q/DQ between a quantized convolution or product and the activation that would be fused with it."""
    findings = []
    for node in _weighted(network):
        behind = _behind_quantizers(network, node)
        if all(_is_dequantized(network, name) for name in node.input[:2]) and behind is not None:
            reason = f"Q/DQ between {node.op_type} and {behind.op_type} keep them from being fused"
            findings.append(_warning(node, reason, f"quantize after {behind.op_type}"))
    return findings


def check_residuals(network: Network) -> list[Finding]:
    """An Add in a quantized network takes int8 on both sides, or on one and a convolution's own output on the other.

    NVIDIA recommends the second form: the convolution is fused with the Add, and keeps its sums unrounded.
    """
    findings = []
    for node in [each for each in network.nodes if each.op_type == "Add"]:
        sides = [name for name in node.input if not network.is_constant(name)]
        floats = [name for name in sides if not _is_dequantized(network, name)]
        if 0 < len(floats) < len(sides) and not all(_is_quantized_product(network, name) for name in floats):
            findings.append(_warning(node, "one branch is not quantized: adds in float", "quantize it"))
    return findings


def check_transposes(network: Network) -> list[Finding]:
    """Transposes are copies of whole tensors on the GPU."""
    return [
        _warning(node, "moves the whole tensor", "keep the network in NCHW")
        for node in network.nodes
        if node.op_type == "Transpose" and not all(network.is_constant(name) for name in node.input)
    ]


def _weighted(network: Network) -> list[NodeProto]:
    return [node for node in network.nodes if node.op_type in WEIGHTED and len(node.input) >= 2]


def _is_quantized_product(network: Network, tensor: str) -> bool:
    """Whether a convolution or product of int8 operands makes `tensor`."""
    maker = network.makers.get(tensor)
    if maker is None or maker.op_type not in WEIGHTED or len(maker.input) < 2:
        return False
    return all(_is_dequantized(network, name) for name in maker.input[:2])


def _behind_quantizers(network: Network, node: NodeProto) -> NodeProto | None:
    """The operator that could be fused with `node`, where it alone follows through one QuantizeLinear and its DQ."""
    followers = network.readers(next(iter(node.output), ""))
    for kind in ("QuantizeLinear", "DequantizeLinear"):
        if len(followers) != 1 or followers[0].op_type != kind:
            return None
        followers = network.readers(next(iter(followers[0].output), ""))
    alone = len(followers) == 1 and followers[0].op_type in FUSED
    return followers[0] if alone else None


def _is_dequantized(network: Network, tensor: str) -> bool:
    maker = network.makers.get(tensor)
    return maker is not None and maker.op_type == "DequantizeLinear"


def _warning(node: NodeProto, reason: str, fix: str) -> Finding:
    return Finding(severity="warning", operator=name_of(node), reason=reason, fix=fix)

"""A fixed-point network as an hls4ml project for Vitis HLS, AMD's compiler: the same integers in C++.

hls4ml: https://github.com/fastmachinelearning/hls4ml; its C++ types `ap_fixed` round (AP_RND) and saturate (AP_SAT) as
`edge.fixed_point.formats.rounded` does.
"""

from math import prod
from pathlib import Path
from typing import Any

from edge.device.errors import ConversionFailed, Unavailable
from edge.fixed_point.evaluate import same_padding
from edge.fixed_point.formats import Format, narrowest
from edge.fixed_point.interface import Interface
from edge.fixed_point.network import PICTURE, Add, AveragePool, Conv2D, Dense, Flatten, MaxPool, Network, Node, Round
from edge.fixed_point.spans import Span, input_spans, spans_of
from edge.targets.fpga.prerequisites import SETUP

PROJECT = "network"
# Vitis HLS takes no array of more elements apart, so layers of more weights share multipliers ("Resource").
# https://fastmachinelearning.org/hls4ml/api/configuration.html
UNROLLED_WEIGHTS = 4096
# Products that such a layer computes at the same time.
SHARED_MULTIPLIERS = 64
CLOCK_NANOSECONDS = 10  # 100 MHz, which Artix-7 reaches


def write_project(network: Network, interface: Interface, part: str, folder: Path) -> None:
    """Write the project into `folder`; its input is the front's numbers, its output the logits.

    Raises Unavailable where hls4ml is missing, ConversionFailed where it cannot express the network.
    """
    try:
        from hls4ml.backends import get_backend
        from hls4ml.model.graph import ModelGraph
    except ImportError:
        raise Unavailable(f"the package hls4ml is missing; {SETUP}") from None

    unrolled = all(layer.weights.size <= UNROLLED_WEIGHTS for layer in network.products)
    layers, precisions = _layers(network, interface)
    config = get_backend("Vitis").create_initial_config(
        part=part, clock_period=CLOCK_NANOSECONDS, io_type="io_parallel" if unrolled else "io_stream"
    )
    config |= {
        "OutputDir": str(folder.resolve()),
        "ProjectName": PROJECT,
        "Backend": "Vitis",
        "Version": "1.0.0",
        "Stamp": PROJECT,  # otherwise random: the same network gives the same project
        "HLSConfig": {
            "Model": {
                "Precision": {"default": _type(interface.logits)},
                "ReuseFactor": 1,
                "Strategy": "Latency" if unrolled else "Resource",
            },
            "LayerName": {
                layer["name"]: {
                    "Precision": precisions[layer["name"]],
                    "ReuseFactor": 1 if unrolled else max(1, layer.get("products", 1) // SHARED_MULTIPLIERS),
                }
                for layer in layers
            },
        },
    }
    try:
        ModelGraph.from_layer_list(config, layers).write()
    except (AssertionError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise ConversionFailed(f"hls4ml cannot express this network ({error})") from error


def _layers(network: Network, interface: Interface) -> tuple[list[dict[str, Any]], dict[str, dict[str, str]]]:
    """hls4ml's layer dictionaries, and the C++ types of each by name.

    A `Round` behind a layer is that layer's result type; behind anything that cannot round it is a layer of its own.
    """
    layers: list[dict[str, Any]] = [{"class_name": "InputLayer", "name": "picture", "input_shape": list(network.shape)}]
    types: dict[str, dict[str, str]] = {"picture": {"result": _type(interface.front.format)}}
    names = {PICTURE: "picture"}
    for position, (node, source, span) in enumerate(
        zip(network.nodes, input_spans(network), spans_of(network), strict=True)
    ):
        origin = node.inputs[0]
        if isinstance(node.layer, Round) and origin != PICTURE and _rounds_itself(network, origin):
            names[position] = names[origin]
            types[names[origin]]["result"] = _type(node.layer.format, rounding=True)
            continue
        layer, typed = _layer(node, source, span)
        name = f"{type(node.layer).__name__.lower()}_{position}"
        layers.append(
            {**layer, "name": name, "inputs": [names[at] for at in node.inputs], "data_format": "channels_last"}
        )
        types[name], names[position] = typed, name
    return layers, types


def _rounds_itself(network: Network, position: int) -> bool:
    """Whether the layer can give its result rounded: it computes, and nobody else wants it unrounded."""
    users = sum(node.inputs.count(position) for node in network.nodes)
    return users == 1 and isinstance(network.nodes[position].layer, Dense | Conv2D | Add)


def _layer(node: Node, source: Span, span: Span) -> tuple[dict[str, Any], dict[str, str]]:
    result = {"result": _type(span.format)}
    match node.layer:
        case Dense() as layer:
            sizes = {"n_in": layer.weights.shape[0], "n_out": layer.weights.shape[1]}
            return {"class_name": "Dense", **sizes, **_weights(layer)}, {**_product_types(layer, span), **result}
        case Conv2D() as layer:
            return {**_convolution(layer, source, span), **_weights(layer)}, {**_product_types(layer, span), **result}
        case MaxPool() | AveragePool() as layer:
            return _pool(layer, source, span), {"accum": _type(_pool_sum(layer, source.format)), **result}
        case Flatten():
            return {"class_name": "Reshape", "target_shape": list(span.shape)}, result
        case Add():
            return {"class_name": "Merge", "op": "add"}, result
        case Round() as layer:
            rounded = {"result": _type(layer.format, rounding=True)}
            return {"class_name": "Activation", "activation": "linear", "n_in": prod(span.shape)}, rounded


def _weights(layer: Dense | Conv2D) -> dict[str, Any]:
    return {
        "weight_data": layer.weights * 2.0**-layer.fraction,
        "bias_data": layer.bias * 2.0**-layer.bias_fraction,
        "products": layer.weights.size,
    }


def _product_types(layer: Dense | Conv2D, span: Span) -> dict[str, str]:
    """Types that hold weights and bias exactly; a sum that wraps on its way is right again at its end."""
    weights = narrowest(min(0, int(layer.weights.min())), max(0, int(layer.weights.max())), layer.fraction)
    bias = narrowest(min(0, int(layer.bias.min())), max(0, int(layer.bias.max())), layer.bias_fraction)
    return {"weight": _type(weights), "bias": _type(bias), "accum": _type(span.format)}


def _convolution(layer: Conv2D, source: Span, span: Span) -> dict[str, Any]:
    kernel_height, kernel_width, channels, filters = layer.weights.shape
    (in_height, in_width, _), (out_height, out_width, _) = source.shape, span.shape
    sides = [(0, 0), (0, 0)]
    if layer.padding == "same":
        lengths = zip((in_height, in_width), (kernel_height, kernel_width), layer.strides, strict=True)
        sides = [same_padding(*length) for length in lengths]
    return {
        "class_name": "Conv2D",
        **{"in_height": in_height, "in_width": in_width, "n_chan": channels},
        **{"out_height": out_height, "out_width": out_width, "n_filt": filters},
        **{"filt_height": kernel_height, "filt_width": kernel_width},
        **{"stride_height": layer.strides[0], "stride_width": layer.strides[1]},
        **{"pad_top": sides[0][0], "pad_bottom": sides[0][1], "pad_left": sides[1][0], "pad_right": sides[1][1]},
    }


def _pool(layer: MaxPool | AveragePool, source: Span, span: Span) -> dict[str, Any]:
    (in_height, in_width, channels), (out_height, out_width, _) = source.shape, span.shape
    return {
        "class_name": "MaxPooling2D" if isinstance(layer, MaxPool) else "AveragePooling2D",
        **{"in_height": in_height, "in_width": in_width, "n_filt": channels},
        **{"out_height": out_height, "out_width": out_width},
        **{"pool_height": layer.size[0], "pool_width": layer.size[1]},
        **{"stride_height": layer.size[0], "stride_width": layer.size[1]},
        **{"pad_top": 0, "pad_bottom": 0, "pad_left": 0, "pad_right": 0},
    }


def _pool_sum(layer: MaxPool | AveragePool, source: Format) -> Format:
    """What a pool adds up in: room above for the sum, and below for its division."""
    gained = layer.gained if isinstance(layer, AveragePool) else 0
    return Format(signed=source.signed, bits=source.bits + 2 * gained, fraction=source.fraction + gained)


def _type(kind: Format, *, rounding: bool = False) -> str:
    """The C++ type, whose second number counts the sign."""
    name = "ap_fixed" if kind.signed else "ap_ufixed"
    modes = ",AP_RND,AP_SAT" if rounding else ""
    return f"{name}<{kind.bits},{kind.bits - kind.fraction}{modes}>"

"""A mend for tf2onnx: a Dense layer behind a pooled picture keeps its bias.

Where the input of a FULLY_CONNECTED operator has more than two axes, tf2onnx 1.17 flattens it and, in the same
replacement, drops the third input, the bias, without a word: `TflFullyConnectedOp` in its tflite_handlers/tfl_math.py.
"""

from typing import Any

import numpy as np


def keep_dense_biases() -> None:
    """Register a handler with tf2onnx that flattens the input first and then does what tf2onnx's own does."""
    from tf2onnx.handler import tf_op
    from tf2onnx.tflite_handlers.tfl_math import TflFullyConnectedOp

    def to_tf(ctx: Any, node: Any, **named: Any) -> None:
        if node.attr["keep_num_dims"].i == 0 and ctx.get_rank(node.input[0]) != 2:
            width = ctx.get_shape(node.input[1])[1]
            shape = ctx.make_const(f"{node.name}_flat", np.array([-1, width], np.int64)).output[0]
            flat = ctx.insert_new_node_on_input(node, "Reshape", [node.input[0], shape], input_index=0)
            flat.skip_conversion = True  # an ONNX Reshape already
            ctx.copy_dtype(node.input[1], flat.output[0])
            ctx.set_shape(flat.output[0], [-1, width])
        TflFullyConnectedOp.to_tf(ctx, node, **named)

    tf_op.register_handler(to_tf, 0, ["TFL_FULLY_CONNECTED"], "com.google.tensorflow", {"tf_op": "MatMul"})

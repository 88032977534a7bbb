"""A uint8 input put in front of a TFLite file that TensorFlow's converter gives no such input.

Only quantization operators are added, which LiteRT and TFLite Micro both have for these types (the interpreter inside
TensorFlow 2.21, which is deprecated, lacks int8 to int16). TFLite Micro has none from uint8 to int16, nor a CAST of
uint8, hence the way round by int8:
https://github.com/tensorflow/tflite-micro/blob/main/tensorflow/lite/micro/kernels/quantize_common.cc
"""

from typing import Any

from edge.device.errors import ConversionFailed

INT8_OFFSET = 128  # between the uint8 and the int8 code of one number
VERSION = 2  # of QUANTIZE and DEQUANTIZE: the first to know int8 and int16 (TensorFlow's op_version.cc)


def take_bytes(content: bytes, scale: float, zero_point: int) -> bytes:
    """The TFLite model `content` with a uint8 input of `scale` and `zero_point` in place of its float32 or int16 one.

    int16: the bytes are requantized to int8 and then to int16. float32: what quantized the input quantizes the bytes,
    and a DEQUANTIZE serves the operators that read it as float.

    Raises ConversionFailed where the input is of another type.
    """
    import flatbuffers  # type: ignore[import-untyped]
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    editor = _Editor(schema, model)
    graph = model.subgraphs[0]
    inner = int(graph.inputs[0])
    kind = graph.tensors[inner].type
    raw = editor.add_tensor("image", inner, schema.TensorType.UINT8, scale, zero_point)
    if kind == schema.TensorType.INT16:
        middle = editor.add_tensor("image_int8", inner, schema.TensorType.INT8, scale, zero_point - INT8_OFFSET)
        operators = [editor.operator("QUANTIZE", raw, middle), editor.operator("QUANTIZE", middle, inner)]
    elif kind == schema.TensorType.FLOAT32:
        editor.redirect_quantize(inner, raw)
        read = any(inner in operator.inputs for operator in graph.operators)
        operators = [editor.operator("DEQUANTIZE", raw, inner)] if read else []
    else:
        raise ConversionFailed(f"the converter made an input of type {kind}; expected float32 or int16")
    graph.operators[:0] = operators
    graph.inputs = [raw]
    for signature in model.signatureDefs or []:
        for entry in signature.inputs:
            entry.tensorIndex = raw
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class _Editor:
    """Adds tensors and operators to the first subgraph of an unpacked TFLite model."""

    def __init__(self, schema: Any, model: Any) -> None:
        self._schema = schema
        self._model = model
        self._graph = model.subgraphs[0]

    def add_tensor(self, name: str, like: int, kind: int, scale: float, zero_point: int) -> int:
        """The index of a new activation of the shape of tensor `like`."""
        tensor = self._schema.TensorT()
        tensor.name = name
        tensor.shape = self._graph.tensors[like].shape
        tensor.type = kind
        tensor.buffer = len(self._model.buffers)
        tensor.quantization = self._schema.QuantizationParametersT()
        tensor.quantization.scale = [scale]
        tensor.quantization.zeroPoint = [zero_point]
        self._model.buffers.append(self._schema.BufferT())
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def operator(self, name: str, source: int, result: int) -> Any:
        """A new operator QUANTIZE or DEQUANTIZE from tensor to tensor, not yet in the graph."""
        operator = self._schema.OperatorT()
        operator.opcodeIndex = self._code(getattr(self._schema.BuiltinOperator, name))
        operator.inputs = [source]
        operator.outputs = [result]
        return operator

    def redirect_quantize(self, inner: int, raw: int) -> None:
        """Let every QUANTIZE of tensor `inner` read tensor `raw`."""
        codes = self._model.operatorCodes
        for operator in self._graph.operators:
            quantizes = codes[operator.opcodeIndex].builtinCode == self._schema.BuiltinOperator.QUANTIZE
            if quantizes and list(operator.inputs) == [inner]:
                operator.inputs = [raw]

    def _code(self, builtin: int) -> int:
        """The index of operator code `builtin`, added where the model has none."""
        codes = self._model.operatorCodes
        for index, code in enumerate(codes):
            if code.builtinCode == builtin:
                code.version = max(code.version, VERSION)
                return index
        code = self._schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        code.version = VERSION
        codes.append(code)
        return len(codes) - 1

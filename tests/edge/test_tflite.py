import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.device.errors import BadModel
from edge.tflite import parse_graph, read_graph


def test_read_graph_of_a_quantized_network_tells_operators_and_scales(tflite_of):
    graph = read_graph(tflite_of("cnn", "int8-qat"))
    names = [operator.name for operator in graph.operators]
    assert names[:2] == ["QUANTIZE", "CONV_2D"]
    assert names[-2:] == ["FULLY_CONNECTED", "QUANTIZE"]
    assert (graph.input.dtype, graph.input.shape) == ("UINT8", (1, 28, 28, 1))
    assert (graph.input.scales, graph.input.zero_points) == ((1 / 128,), (128,))
    assert not any(tensor.dynamic for tensor in graph.tensors)
    weights = graph.tensors[graph.operators[1].inputs[1]]
    assert weights.constant
    assert len(weights.scales) == weights.shape[0]  # per channel


def test_read_graph_of_a_missing_file_says_so(tmp_path):
    with pytest.raises(BadModel, match="not readable"):
        read_graph(tmp_path / "none.tflite")


def test_read_graph_of_a_text_file_names_the_identifier(tmp_path):
    path = tmp_path / "notes.tflite"
    path.write_text("this is no model")
    with pytest.raises(BadModel, match="TFL3"):
        read_graph(path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9])
def test_read_graph_of_a_truncated_file_is_refused(tflite_of, tmp_path, share):
    content = tflite_of("cnn", "int8-qat").read_bytes()
    path = tmp_path / "cut.tflite"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BadModel):
        read_graph(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(st.tuples(st.integers(8, 20_000), st.integers(0, 255)), min_size=1, max_size=20))
def test_parse_graph_of_a_damaged_file_is_read_or_refused(tflite_of, damage):
    content = bytearray(tflite_of("mlp", "int8-qat").read_bytes())
    for place, byte in damage:
        content[place % len(content)] = byte
    content[4:8] = b"TFL3"
    try:
        parse_graph(bytes(content), "damaged")
    except BadModel as error:
        assert "damaged" in str(error)


def test_parse_graph_of_a_file_with_weights_behind_the_flatbuffer_says_external(tflite_of):
    content = _changed(tflite_of("cnn", "int8-qat"), _move_weights_out)
    graph = parse_graph(content, "outside")
    assert [tensor.name for tensor in graph.tensors if tensor.external] == ["moved"]
    assert not any(tensor.external for tensor in read_graph(tflite_of("cnn", "int8-qat")).tensors)


def test_parse_graph_of_a_custom_operator_keeps_its_options(tflite_of):
    def change(model):
        model.operatorCodes[0].builtinCode = model.operatorCodes[0].deprecatedBuiltinCode = 32  # CUSTOM
        model.operatorCodes[0].customCode = b"ours"
        model.subgraphs[0].operators[0].customOptions = [1, 2, 3]

    graph = parse_graph(_changed(tflite_of("mlp", "int8-qat"), change), "custom")
    assert (graph.operators[0].name, graph.operators[0].custom_options) == ("CUSTOM:ours", b"\x01\x02\x03")


@pytest.mark.parametrize(("data", "constant"), [([], True), (None, False)])
def test_parse_graph_of_an_empty_tensor_is_constant_where_the_file_has_its_data(data, constant, tflite_of):
    def change(model):
        operator = model.subgraphs[0].operators[-1]
        tensor = model.subgraphs[0].tensors[operator.inputs[0]]
        model.buffers[tensor.buffer].data, tensor.shape, tensor.shapeSignature, tensor.name = data, [0], None, "empty"

    graph = parse_graph(_changed(tflite_of("mlp", "int8-qat"), change), "empty")
    (empty,) = (tensor for tensor in graph.tensors if tensor.name == "empty")
    assert (empty.constant, empty.data) == (constant, b"")


@pytest.mark.parametrize("index", [-2, 10_000])
def test_parse_graph_of_an_operator_that_reads_a_tensor_out_of_range_is_refused(index, tflite_of):
    def change(model):
        model.subgraphs[0].operators[0].inputs = [index]

    with pytest.raises(BadModel, match=f"tensor {index} of"):
        parse_graph(_changed(tflite_of("mlp", "int8-qat"), change), "astray")


def _changed(path, change):
    """The bytes of a TFLite file after `change` was applied to its schema object."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    change(model)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _move_weights_out(model):
    convolution = model.subgraphs[0].operators[1]
    weights = model.subgraphs[0].tensors[convolution.inputs[1]]
    weights.name = "moved"
    buffer = model.buffers[weights.buffer]
    buffer.data, buffer.offset, buffer.size = None, 4096, 64

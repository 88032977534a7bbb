"""What tritonclient[http] sends and reads, against a real server; the answers held against the runtime in process."""

from collections.abc import Iterator

import numpy as np
import pytest
import tritonclient.http as triton
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from edge.device.contract import Contract, read_contract, softmax
from edge.device.runtimes import Runtime, open_runtime

LARGE = 40  # pictures whose answer is worth compressing


@pytest.fixture(scope="module")
def contract(served) -> Contract:
    return read_contract(served.artifact)


@pytest.fixture(scope="module")
def runtime(served, contract: Contract) -> Runtime:
    return open_runtime(contract.fastest, served.artifact / contract.file_for(contract.fastest))


@pytest.fixture(scope="module")
def server(served) -> Iterator[triton.InferenceServerClient]:
    host, port = served.address
    with triton.InferenceServerClient(f"{host}:{port}") as client:
        yield client


@pytest.fixture(scope="module")
def pictures(served) -> NDArray[np.uint8]:
    golden = served.golden.inputs
    return np.concatenate([golden] * -(-LARGE // len(golden)))[:LARGE]


def tensor(contract: Contract, pictures: NDArray[np.uint8], *, binary: bool = True) -> triton.InferInput:
    made = triton.InferInput(contract.input.name, list(pictures.shape), "UINT8")
    return made.set_data_from_numpy(pictures, binary_data=binary)


def test_health_is_told(server, contract: Contract) -> None:
    assert server.is_server_live()
    assert server.is_server_ready()
    assert server.is_model_ready(contract.name)
    version = server.get_model_metadata(contract.name)["versions"][0]
    assert server.is_model_ready(contract.name, version)
    assert not server.is_model_ready("another")
    assert not server.is_model_ready(contract.name, "another")


def test_metadata_is_that_of_the_contract(server, contract: Contract) -> None:
    assert {"binary_tensor_data", "classification"} <= set(server.get_server_metadata()["extensions"])
    metadata = server.get_model_metadata(contract.name)
    height, width, channels = contract.input.picture
    assert metadata["name"] == contract.name
    assert metadata["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, height, width, channels]}]
    assert [each["name"] for each in metadata["outputs"]] == ["logits", "scores"]
    assert all(each["shape"] == [-1, len(contract.output.labels)] for each in metadata["outputs"])
    (version,) = metadata["versions"]
    assert server.is_model_ready(contract.name, version)
    assert server.get_model_metadata(contract.name, version) == metadata


@pytest.mark.parametrize("count", [1, 3, LARGE])
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_all_outputs_are_those_of_the_runtime(server, contract, runtime, pictures, count: int, binary: bool) -> None:
    result = server.infer(contract.name, [tensor(contract, pictures[:count], binary=binary)])
    logits = runtime.run(pictures[:count])
    np.testing.assert_array_equal(result.as_numpy("logits"), logits)
    np.testing.assert_allclose(result.as_numpy("scores"), softmax(logits), rtol=1e-6)
    assert "id" not in result.get_response()


@pytest.mark.parametrize("binary_in", [True, False], ids=["binary in", "json in"])
@pytest.mark.parametrize("binary_out", [True, False], ids=["binary out", "json out"])
@pytest.mark.parametrize("algorithm", [None, "gzip", "deflate"])
def test_forms_and_encodings_do_not_change_the_answer(
    server, contract, runtime, pictures, binary_in: bool, binary_out: bool, algorithm: str | None
) -> None:
    result = server.infer(
        contract.name,
        [tensor(contract, pictures, binary=binary_in)],
        outputs=[triton.InferRequestedOutput(name, binary_data=binary_out) for name in ("scores", "logits")],
        request_id="42",
        request_compression_algorithm=algorithm,
        response_compression_algorithm=algorithm,
    )
    np.testing.assert_array_equal(result.as_numpy("logits"), runtime.run(pictures))
    assert [each["name"] for each in result.get_response()["outputs"]] == ["scores", "logits"]
    assert result.get_response()["id"] == "42"
    assert ("data" in result.get_output("logits")) is not binary_out


def test_requested_output_alone_is_returned(server, contract, runtime, pictures) -> None:
    result = server.infer(
        contract.name, [tensor(contract, pictures[:1])], outputs=[triton.InferRequestedOutput("logits")]
    )
    np.testing.assert_array_equal(result.as_numpy("logits"), runtime.run(pictures[:1]))
    assert result.as_numpy("scores") is None


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
@pytest.mark.parametrize("name", ["logits", "scores"])
def test_classification_names_the_highest_labels(server, contract, runtime, pictures, binary, name: str) -> None:
    count = 3
    wanted = triton.InferRequestedOutput(name, binary_data=binary, class_count=count)
    result = server.infer(contract.name, [tensor(contract, pictures[:5])], outputs=[wanted])
    logits = runtime.run(pictures[:5])
    values = logits if name == "logits" else softmax(logits)
    rows = result.as_numpy(name)
    assert rows.shape == (5, count)
    for row, expected in zip(rows, values, strict=True):
        parts = [(text.decode() if isinstance(text, bytes) else text).split(":", 2) for text in row]
        np.testing.assert_allclose([float(value) for value, _, _ in parts], np.sort(expected)[::-1][:count], rtol=1e-6)
        assert all(contract.output.labels[int(index)] == label for _, index, label in parts)
        assert [expected[int(index)] for _, index, _ in parts] == sorted(expected, reverse=True)[:count]


def test_async_requests_are_answered_each_with_its_own(served, contract, runtime, pictures) -> None:
    host, port = served.address
    with triton.InferenceServerClient(f"{host}:{port}", concurrency=4) as client:
        waiting = [
            client.async_infer(contract.name, [tensor(contract, pictures[at : at + 1])], request_id=str(at))
            for at in range(8)
        ]
        for at, each in enumerate(waiting):
            result = each.get_result()
            assert result.get_response()["id"] == str(at)
            np.testing.assert_array_equal(result.as_numpy("logits"), runtime.run(pictures[at : at + 1]))


def test_version_headers_and_parameters_of_the_client_are_taken(server, contract, pictures) -> None:
    version = server.get_model_metadata(contract.name)["versions"][0]
    result = server.infer(
        contract.name, [tensor(contract, pictures[:1])],
        model_version=version, headers={"X-Request-Id": "abc"}, query_params={"trace": "1"},
        priority=1, timeout=1000, sequence_id=7, sequence_start=True, parameters={"mine": 3},
    )  # fmt: skip
    assert result.get_response()["model_version"] == version
    assert result.get_response()["model_name"] == contract.name


def test_body_made_by_the_client_is_taken_as_it_is(client, contract, runtime, pictures) -> None:
    body, length = triton.InferenceServerClient.generate_request_body([tensor(contract, pictures[:2])])
    answer = client.post(
        f"/v2/models/{contract.name}/infer", content=body, headers={"Inference-Header-Content-Length": str(length)}
    )
    result = triton.InferenceServerClient.parse_response_body(
        answer.content, header_length=int(answer.headers["inference-header-content-length"])
    )
    np.testing.assert_array_equal(result.as_numpy("logits"), runtime.run(pictures[:2]))


def test_raw_pixels_alone_are_answered_in_binary(client, contract, runtime, pictures) -> None:
    answer = client.post(
        f"/v2/models/{contract.name}/infer",
        content=pictures[:2].tobytes(),
        headers={"Inference-Header-Content-Length": "0", "Content-Type": "application/octet-stream"},
    )
    length = int(answer.headers["inference-header-content-length"])
    result = triton.InferenceServerClient.parse_response_body(answer.content, header_length=length)
    np.testing.assert_array_equal(result.as_numpy("logits"), runtime.run(pictures[:2]))


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_long_answers_are_compressed_where_asked(client, contract, pictures, algorithm: str) -> None:
    request = {"inputs": [{"name": "image", "datatype": "UINT8", "shape": list(pictures.shape)}]}
    request["inputs"][0]["data"] = pictures.tolist()
    path = f"/v2/models/{contract.name}/infer"
    plain = client.post(path, json=request, headers={"Accept-Encoding": "identity"})
    packed = client.post(path, json=request, headers={"Accept-Encoding": algorithm})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == algorithm
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])
    assert packed.json() == plain.json()


@pytest.mark.parametrize(
    "ask",
    [
        lambda server, model: server.get_model_config(model),
        lambda server, model: server.get_inference_statistics(model),
        lambda server, _: server.get_model_repository_index(),
        lambda server, _: server.get_system_shared_memory_status(),
        lambda server, _: server.get_trace_settings(),
        lambda server, _: server.get_log_settings(),
        lambda server, model: server.unload_model(model),
    ],
)
def test_extensions_of_triton_are_refused_by_name(server, contract, ask) -> None:
    with pytest.raises(InferenceServerException) as caught:
        ask(server, contract.name)
    assert caught.value.status() == "404"
    assert "Triton's own" in caught.value.message()


def test_refusal_reaches_the_client_as_its_exception(server, contract, pictures) -> None:
    with pytest.raises(InferenceServerException, match="model 'another': not served; expected 'digits'"):
        server.infer("another", [tensor(contract, pictures[:1])])
    wrong = triton.InferInput("pixels", list(pictures[:1].shape), "UINT8").set_data_from_numpy(pictures[:1])
    with pytest.raises(InferenceServerException, match=r"inputs\[0\].name: 'pixels'; expected 'image'"):
        server.infer(contract.name, [wrong])


def test_shared_memory_is_refused_for_inputs_and_outputs(server, contract, pictures) -> None:
    shared = triton.InferInput(contract.input.name, list(pictures[:1].shape), "UINT8")
    shared.set_shared_memory("region", pictures[:1].nbytes)
    with pytest.raises(InferenceServerException, match="shared memory is not served"):
        server.infer(contract.name, [shared])
    output = triton.InferRequestedOutput("logits")
    output.set_shared_memory("region", 40)
    with pytest.raises(InferenceServerException, match="shared memory is not served"):
        server.infer(contract.name, [tensor(contract, pictures[:1])], outputs=[output])


def test_health_is_open_and_the_rest_guarded_where_keys_exist(start_server, contract, pictures, tmp_path) -> None:
    key = "k" * 32
    (tmp_path / "keys").write_text(key)
    with start_server("--api-key-file", tmp_path / "keys") as guarded:
        host, port = guarded.address
        with triton.InferenceServerClient(f"{host}:{port}") as client:
            assert client.is_server_live()
            assert client.is_server_ready()
            assert client.is_model_ready(contract.name)
            for call in (client.get_server_metadata, lambda: client.get_model_metadata(contract.name)):
                with pytest.raises(InferenceServerException, match="API key"):
                    call()
            with pytest.raises(InferenceServerException, match="API key"):
                client.infer(contract.name, [tensor(contract, pictures[:1])])
            answer = client.infer(
                contract.name, [tensor(contract, pictures[:1])], headers={"Authorization": f"Bearer {key}"}
            )
            assert answer.get_response()["model_name"] == contract.name

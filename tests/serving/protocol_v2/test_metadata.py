import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton

from edge.device.contract import read_contract
from serving.protocol_v2.metadata import SERVER_VERSION

ROOT = Path(__file__).resolve().parents[3]


def test_server_version_is_that_of_the_project() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == SERVER_VERSION


def test_pictures_are_nhwc_where_the_file_wants_nchw(start_server: Any, finished_run: Path) -> None:
    artifact = finished_run / "export" / "jetson"
    contract = read_contract(artifact)
    assert contract.input.layout == "NCHW"
    with start_server(artifact=artifact) as server:
        host, port = server.address
        with triton.InferenceServerClient(f"{host}:{port}") as client:
            metadata = client.get_model_metadata(contract.name)
            assert metadata["inputs"][0]["shape"] == [-1, *contract.input.picture]
            assert metadata["platform"] == "onnxruntime_onnx"
            pixels = server.golden.inputs
            given = triton.InferInput(contract.input.name, list(pixels.shape), "UINT8").set_data_from_numpy(pixels)
            logits = client.infer(contract.name, [given]).as_numpy("logits")
    assert np.abs(logits - server.golden.outputs).max() <= server.golden.tolerance


@pytest.mark.parametrize("path", ["/v2/models/{}", "/v2/models/{}/versions/{}"])
def test_metadata_names_the_version_that_other_paths_take(client: Any, path: str) -> None:
    card = client.get("/model.json").json()["model"]
    metadata = client.get(path.format(card["name"], card["version"])).json()
    assert metadata["versions"] == [card["version"]]
    assert client.get(f"{path.format(card['name'], card['version'])}/ready").json() == {
        "name": card["name"], "ready": True,
    }  # fmt: skip

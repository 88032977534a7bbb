"""POST /predict, against the model called in process."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from scipy.special import softmax as scipy_softmax

from edge.device.contract import read_contract, softmax, write_contract
from edge.device.image import read_image
from edge.device.manifest import hash_outputs, read_manifest, write_manifest

Encode = Callable[..., bytes]


def in_process(served: Any, content: bytes) -> np.ndarray:
    """The scores of an encoded picture, by the contract and the runtime themselves."""
    from edge.device.runtimes import open_runtime

    contract = read_contract(served.artifact)
    runtime = open_runtime("litert", served.artifact / contract.file_for("litert"))
    return softmax(runtime.run(read_image(content, contract.input)[np.newaxis]))[0]


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP"])
def test_predict_equals_the_model_in_process_for_each_format(
    served: Any, client: httpx.Client, encode: Encode, form: str
) -> None:
    content = encode(served.golden.inputs[2], form)
    expected = in_process(served, content)
    raw = client.post("/predict?top=10", content=content, headers={"content-type": f"image/{form.lower()}"})
    sent = client.post("/predict?top=10", files={"image": content})
    assert raw.status_code == sent.status_code == 200
    for answer in (raw.json(), sent.json()):
        assert answer["label"] == str(expected.argmax())
        assert answer["confidence"] == pytest.approx(expected.max())
        assert {each["label"]: each["score"] for each in answer["scores"]} == pytest.approx(
            {str(label): float(score) for label, score in enumerate(expected)}
        )


def test_predict_answers_every_golden_vector_with_its_label(served: Any, client: httpx.Client, encode: Encode) -> None:
    for picture, logits in zip(served.golden.inputs, served.golden.outputs, strict=True):
        answer = client.post("/predict", content=encode(picture), headers={"content-type": "image/png"}).json()
        assert answer["label"] == str(logits.argmax())


def test_predict_lists_five_scores_in_falling_order_unless_told(
    served: Any, client: httpx.Client, encode: Encode
) -> None:
    answer = client.post("/predict", files={"image": encode(served.golden.inputs[0])}).json()
    scores = [each["score"] for each in answer["scores"]]
    assert len(scores) == 5
    assert scores == sorted(scores, reverse=True)


def test_predict_tells_model_and_latency(served: Any, client: httpx.Client, encode: Encode) -> None:
    answer = client.post("/predict", files={"image": encode(served.golden.inputs[0])}).json()
    contract = read_contract(served.artifact)
    assert answer["model"]["sha256"] in {file.sha256 for file in contract.files}
    assert len(answer["model"]["version"]) == 12
    parts = answer["latency_ms"]
    assert parts["total"] == pytest.approx(parts["decode"] + parts["resize"] + parts["infer"], abs=0.001)


def test_predict_answers_a_list_for_several_pictures(served: Any, client: httpx.Client, encode: Encode) -> None:
    pictures = served.golden.inputs[:3]
    answers = client.post("/predict", files=[("image", encode(each)) for each in pictures]).json()
    assert [each["label"] for each in answers] == [str(each.argmax()) for each in served.golden.outputs[:3]]


def test_predict_turns_a_photograph_upright_as_training_does(served: Any, client: httpx.Client, encode: Encode) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    content = encode(served.golden.inputs[5], "JPEG", exif=exif, quality=95)
    answer = client.post("/predict", files={"image": content}).json()
    assert answer["confidence"] == pytest.approx(in_process(served, content).max())


def test_scores_are_those_of_the_contracts_temperature_and_labels_stay(
    start_server: Any, own_artifact: Path, encode: Encode
) -> None:
    contract = read_contract(own_artifact)
    write_contract(own_artifact, replace(contract, output=replace(contract.output, temperature=2.5)))
    write_manifest(own_artifact, replace(read_manifest(own_artifact), outputs=hash_outputs(own_artifact)))
    with start_server(artifact=own_artifact) as server, httpx.Client(base_url=server.url) as client:
        picture = server.golden.inputs[3]
        answer = client.post("/predict?top=10", content=encode(picture), headers={"content-type": "image/png"}).json()
        pixels = {"name": "image", "datatype": "UINT8", "shape": [1, *picture.shape], "data": picture.ravel().tolist()}
        inference = client.post(f"/v2/models/{contract.name}/infer", json={"inputs": [pixels]}).json()
        card = client.get("/model.json").json()
    logits, scores = (np.array(each["data"]) for each in inference["outputs"])
    expected = scipy_softmax(logits / 2.5)
    assert answer["label"] == str(logits.argmax())
    assert [each["score"] for each in answer["scores"]] == pytest.approx(sorted(expected, reverse=True))
    assert scores == pytest.approx(expected)
    np.testing.assert_allclose(logits, server.golden.outputs[3], atol=1.01 * server.golden.tolerance)
    assert card["temperature"] == 2.5

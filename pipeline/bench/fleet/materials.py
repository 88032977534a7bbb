"""What the simulation is made of: bundles of a given size, and devices that have looked before."""

import base64
import hashlib
import json
import random
import shutil
import uuid
from pathlib import Path

from edge.bundle.making import pack
from edge.device.bundle.description import NAME as DESCRIPTION
from edge.device.bundle.description import Description, File, Need, as_json
from edge.device.bundle.signature import NAME as SIGNATURE
from edge.device.bundle.signature import envelope
from edge.device.files import write_json
from edge.device.slots import FORMAT, Root


def write_bundle(folder: Path, version: str, size: int) -> Path:
    """A bundle of about `size` bytes that nobody has signed: repositories and downloads do not look at that."""
    content = random.Random(version).randbytes(size)  # noqa: S311 - any bytes do
    file = File(name="artifact/model.tflite", size=size, sha256=hashlib.sha256(content).hexdigest())
    description = Description(
        name="flowers", version=version, target="coral", precision="int8-qat", python="3.9",
        runtimes=(Need(runtime="litert", package="ai-edge-litert", version="1.0.1"),), files=(file,),
    )  # fmt: skip
    told = json.dumps(as_json(description)).encode()
    digests = {DESCRIPTION: hashlib.sha256(told).hexdigest(), file.name: file.sha256}
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "resources": [{"name": name, "digest": each, "algorithm": "sha256"} for name, each in digests.items()]
        },
    }
    signature = envelope("0" * 64, json.dumps(statement).encode(), base64.b64encode(b"nobody"))
    path = folder / description.file_name
    path.write_bytes(pack({SIGNATURE: signature, DESCRIPTION: told, file.name: content}))
    return path


def make_device(path: Path, version: str, root_metadata: Path, like: Root | None) -> Root:
    """A device that runs `version`; `like`: one that has looked before, whose view of the repository this has, too."""
    root = Root(path=path)
    slot = root.slots / "a"
    slot.mkdir(parents=True)
    root.current.symlink_to("slots/a")
    description = Description(
        name="flowers", version=version, target="coral", precision="int8-qat", python="3.9",
        runtimes=(Need(runtime="litert", package="ai-edge-litert", version="1.0.1"),),
        files=(File(name="LICENSE", size=1, sha256="0" * 64),),
    )  # fmt: skip
    write_json(slot / DESCRIPTION, as_json(description))
    write_json(root.device, {"format": FORMAT, "id": _id(path.name), "target": "coral", "board": ""})
    if like is None:
        root.updates.mkdir()
        shutil.copy(root_metadata, root.updates / "root.json")
    else:
        shutil.copytree(like.updates, root.updates, symlinks=True)
    return root


def _id(name: str) -> str:
    """The same for the same name, so that the same devices are reached by a roll-out each time."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))

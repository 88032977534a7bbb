"""TensorRT engines of this device: built once from the ONNX file, and named by all that they depend on.

    engines/382ac6558789e1ab.trt10.3.0.sm87.engine    model (SHA-256 of its file), TensorRT's version, GPU
    engines/timing.trt10.3.0.sm87.cache               what earlier builds measured
    engines/382ac6558789e1ab.ort1.23.0.trt100300.sm87/   what ONNX Runtime's provider keeps of its own

After an upgrade of JetPack the name that is looked for is another one, so that an engine of before is never loaded.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

from edge.device.accelerators import build_engine, trtexec
from edge.device.contract import Contract
from edge.device.errors import Unavailable
from edge.device.files import sha256_of, sync_folder, write_bytes

_DIGITS = 16  # of the model's SHA-256
_NAME = re.compile(rf"(?P<model>timing|[0-9a-f]{{{_DIGITS}}})\.(?P<rest>(?P<kind>trt|ort).+?)(\.engine|\.cache)?")
_SECONDS = 1200.0  # for trtexec


@dataclass(frozen=True)
class Key:
    """What an engine depends on: its model's SHA-256, TensorRT's version, the GPU's architecture, such as "sm87"."""

    model: str
    tensorrt: str
    gpu: str

    @property
    def engine(self) -> str:
        return f"{self.model[:_DIGITS]}.trt{self.tensorrt}.{self.gpu}.engine"

    @property
    def cache(self) -> str:
        return f"timing.trt{self.tensorrt}.{self.gpu}.cache"


def key_of(onnx: Path, tensorrt: str) -> Key:
    """The key of the file's engine on this device, whose TensorRT is of that version."""
    return Key(model=sha256_of(onnx), tensorrt=tensorrt, gpu=build_engine.gpu_architecture())


def engine_of(onnx: Path, key: Key, engines: Path, contract: Contract) -> Path:
    """The engine of that key in `engines`; where there is none it is built, by TensorRT's Python API or by trtexec.

    Raises Unavailable, with what both said, where neither builds it.
    """
    path = engines / key.engine
    if path.is_file():
        return path
    engines.mkdir(parents=True, exist_ok=True)
    refused = []
    with tempfile.TemporaryDirectory(dir=engines, prefix=".building-") as name:
        work = Path(name)
        cache = work / f"timing.trt{key.tensorrt}.cache"  # as build_engine calls it
        if (engines / key.cache).is_file():
            shutil.copyfile(engines / key.cache, cache)
        for build in (_with_api, _with_trtexec):
            try:
                built = build(onnx, key, work, cache, contract)
            except Unavailable as error:
                refused.append(str(error))
                continue
            _keep(built, path)
            if cache.is_file():
                _keep(cache, engines / key.cache)
            return path
    raise Unavailable(f"no engine of {onnx.name}: {'; '.join(refused)}")


def remove_old(engines: Path, present: str) -> None:
    """Remove what `present`, an engine that answers, has replaced.

    All that another TensorRT or GPU left of its kind; of its own, all but the newest other model's, which is that of
    the other slot, to which the device may have to go back.
    """
    now = _NAME.fullmatch(present)
    if now is None or not engines.is_dir():
        return
    named = [(path, found) for path in engines.iterdir() for found in [_NAME.fullmatch(path.name)] if found]
    alike = [(path, found) for path, found in named if found["kind"] == now["kind"]]
    stale = [path for path, found in alike if found["rest"] != now["rest"]]
    others = [
        path for path, found in alike if found["rest"] == now["rest"] and found["model"] not in (now["model"], "timing")
    ]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in (*stale, *others[1:]):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _with_api(onnx: Path, key: Key, work: Path, cache: Path, contract: Contract) -> Path:  # noqa: ARG001 - as its sibling
    """By the program that every jetson artefact brings, too. It reads and writes the cache in `work` itself."""
    arguments = build_engine.parse_arguments(["--onnx", str(onnx), "--folder", str(work)])
    return _built(arguments)


def _built(arguments: Namespace) -> Path:
    try:
        return build_engine.build(arguments)
    except build_engine.Refused as refusal:
        raise Unavailable(str(refusal)) from None


def _with_trtexec(onnx: Path, key: Key, work: Path, cache: Path, contract: Contract) -> Path:
    program = trtexec.find_trtexec()
    if program is None:
        raise Unavailable("trtexec is not installed")
    version = trtexec.trtexec_version(program)
    if _numbers(key.tensorrt) != version:
        found = ".".join(map(str, version))
        raise Unavailable(f"{program} is of TensorRT {found}, what runs engines here is {key.tensorrt}")
    engine = work / key.engine
    command = trtexec.trtexec_command(
        program,
        version,
        onnx=str(onnx),
        engine=str(engine),
        cache=str(cache),
        quantized=contract.precision.startswith("int8"),
        half=contract.precision == "float16",
    )
    trtexec.build_with_trtexec(command, engine, _SECONDS)
    return engine


def _numbers(version: str) -> tuple[int, ...]:
    """The first three of a version: (10, 3, 0) of "10.3.0.30"."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _keep(built: Path, path: Path) -> None:
    """Bring a finished file into its place, whole or not at all: half an engine ends the process that loads it."""
    write_bytes(path, built.read_bytes())
    sync_folder(path.parent)

#!/usr/bin/env python3
"""Build a TensorRT engine from the ONNX file beside this program, on the device that will run it.

Needs the device's own `tensorrt` module and nothing else. Written for Python 3.6, which JetPack 4.6 has, and for
TensorRT 8.2 to 11. An engine fits one TensorRT version and one GPU, which stand in its name:

    python3 build_engine.py                      # model.trt10.3.0.sm87.engine
    python3 build_engine.py --max-batch 8
    python3 build_engine.py --dla-core 0         # DLA where it can, GPU for the rest; float16
"""

import argparse
import ctypes
import importlib
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
COMPUTE_CAPABILITY = (75, 76)  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
MIB = 1 << 20


class Refused(Exception):
    """A sentence that says what stands in the way."""


def main() -> int:
    arguments = parse_arguments()
    try:
        path = build(arguments)
    except Refused as refusal:
        sys.stderr.write(f"build_engine: {refusal}\n")
        return 2
    sys.stdout.write(f"{path}\n")
    return 0


def parse_arguments(words: Any = None) -> Any:
    parser = argparse.ArgumentParser(description="Build a TensorRT engine on this device.")
    parser.add_argument("--onnx", type=Path, default=HERE / "model.onnx", help="default: model.onnx beside this")
    parser.add_argument("--folder", type=Path, default=None, help="for the engine; default: beside the ONNX file")
    parser.add_argument("--max-batch", type=int, default=1, help="largest batch of a model whose batch is free")
    parser.add_argument("--fp16", action="store_true", help="let TensorRT 8 and 10 lower float32 layers to float16")
    parser.add_argument("--dla-core", type=int, default=-1, help="a DLA core, with the GPU for what it cannot run")
    parser.add_argument("--workspace-mib", type=int, default=256, help="memory that kernels may use while they run")
    parser.add_argument("--module", default="tensorrt", help="tensorrt_rtx builds for TensorRT-RTX")
    return parser.parse_args(words)


def build(arguments: Any) -> Path:
    """Build the engine and write it; returns its path. Raises Refused."""
    if not arguments.onnx.is_file():
        raise Refused(f"{arguments.onnx}: not there; give the ONNX file with --onnx")
    if arguments.max_batch < 1:
        raise Refused(f"--max-batch {arguments.max_batch}: expected 1 or more")
    trt = load(arguments.module)
    builder = start(trt)
    network = builder.create_network(network_flags(trt, arguments))
    parse(trt, network, arguments.onnx)
    config = configure(trt, builder, network, arguments)
    folder = arguments.folder or arguments.onnx.resolve().parent
    cache = folder / f"timing.trt{trt.__version__}.cache"
    use_timing_cache(config, cache)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise Refused(f"{arguments.onnx}: TensorRT built no engine; its own messages stand above")
    path: Path = folder / engine_name(trt, arguments)
    write(path, bytes(plan))
    keep_timing_cache(config, cache)
    return path


def load(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        hint = "on a Jetson it comes with JetPack: sudo apt install python3-libnvinfer"
        raise Refused(f"the module {name} cannot be imported ({error}); {hint}") from None


def start(trt: Any) -> Any:
    logger = trt.Logger(trt.Logger.WARNING)
    try:
        return trt.Builder(logger)
    except (RuntimeError, TypeError) as error:
        raise Refused(f"TensorRT does not start ({error}); build on the device, with its GPU") from None


def network_flags(trt: Any, arguments: Any) -> int:
    """Explicit batch where the version still asks; types as in the file from TensorRT 10 on.

    A DLA build of TensorRT 8 or 10 is not strongly typed: its layers become float16 by flag.
    """
    wanted = ["EXPLICIT_BATCH"] if major(trt) < 10 else []
    if major(trt) >= 10 and not lowers(arguments):
        wanted.append("STRONGLY_TYPED")
    known = [getattr(trt.NetworkDefinitionCreationFlag, name, None) for name in wanted]
    return sum(1 << int(flag) for flag in known if flag is not None)


def parse(trt: Any, network: Any, path: Path) -> None:
    parser = trt.OnnxParser(network, trt.Logger(trt.Logger.WARNING))
    if not parser.parse(path.read_bytes()):
        errors = "; ".join(str(parser.get_error(index)) for index in range(parser.num_errors))
        raise Refused(f"{path}: the parser refuses it: {errors or 'no reason given'}")


def configure(trt: Any, builder: Any, network: Any, arguments: Any) -> Any:
    """Memory, precision flags where the version has them, the range of batches, the DLA."""
    config = builder.create_builder_config()
    if hasattr(config, "set_memory_pool_limit"):
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, arguments.workspace_mib * MIB)
    else:  # TensorRT 8.2
        config.max_workspace_size = arguments.workspace_mib * MIB
    for name in precision_flags(trt, network, arguments):
        config.set_flag(getattr(trt.BuilderFlag, name))
    set_batches(builder, network, config, arguments.max_batch)
    if arguments.dla_core >= 0:
        use_dla(trt, builder, config, arguments.dla_core)
    return config


def precision_flags(trt: Any, network: Any, arguments: Any) -> Any:
    """INT8 and FP16 for networks that are not strongly typed and hold such layers; TensorRT 11 has no such flags."""
    if major(trt) >= 10 and not lowers(arguments):
        return []
    flags = []
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    quantizers = (trt.LayerType.QUANTIZE, trt.LayerType.DEQUANTIZE)
    if any(layer.type in quantizers for layer in layers):
        flags.append("INT8")
    outputs = [layer.get_output(index) for layer in layers for index in range(layer.num_outputs)]
    if lowers(arguments) or any(tensor.dtype == trt.float16 for tensor in outputs):
        flags.append("FP16")
    missing = [name for name in flags if not hasattr(trt.BuilderFlag, name)]
    if missing:
        reason = f"TensorRT {trt.__version__} has no flag {', '.join(missing)}: it takes types as the file has them"
        raise Refused(f"{reason}; leave out --fp16 and --dla-core")
    return flags


def set_batches(builder: Any, network: Any, config: Any, largest: int) -> None:
    """Batches of 1 to `largest`, fastest at the largest, where the file leaves the batch free."""
    profile = builder.create_optimization_profile()
    free = False
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        shape = tuple(tensor.shape)
        if any(length < 0 for length in shape[1:]):
            raise Refused(f"{tensor.name}: {shape}: an axis besides the batch is free; fix it")
        if shape and shape[0] < 0:
            profile.set_shape(tensor.name, (1, *shape[1:]), (largest, *shape[1:]), (largest, *shape[1:]))
            free = True
    if free:
        config.add_optimization_profile(profile)
    elif largest > 1:
        raise Refused(f"--max-batch {largest}: the file's batch is fixed; leave it out")


def use_dla(trt: Any, builder: Any, config: Any, core: int) -> None:
    if core >= builder.num_DLA_cores:
        raise Refused(f"--dla-core {core}: this device has {builder.num_DLA_cores} DLA cores")
    config.default_device_type = trt.DeviceType.DLA
    config.DLA_core = core
    config.set_flag(trt.BuilderFlag.GPU_FALLBACK)


def use_timing_cache(config: Any, path: Path) -> None:
    """Times that an earlier build measured, so that the next takes seconds."""
    if not hasattr(config, "create_timing_cache"):
        return
    cache = config.create_timing_cache(path.read_bytes() if path.is_file() else b"")
    if cache is not None:
        config.set_timing_cache(cache, False)


def keep_timing_cache(config: Any, path: Path) -> None:
    cache = config.get_timing_cache() if hasattr(config, "get_timing_cache") else None
    if cache is not None:
        write(path, bytes(cache.serialize()))


def engine_name(trt: Any, arguments: Any) -> str:
    dla = ".dla" if arguments.dla_core >= 0 else ""
    return f"{arguments.onnx.stem}.trt{trt.__version__}.{gpu_architecture()}{dla}.engine"


def gpu_architecture() -> str:
    """E.g. "sm87", from the CUDA driver; "sm-unknown" where there is none."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "sm-unknown"
    if driver.cuInit(0) != 0:
        return "sm-unknown"
    numbers = []
    for attribute in COMPUTE_CAPABILITY:
        number = ctypes.c_int()
        if driver.cuDeviceGetAttribute(ctypes.byref(number), attribute, 0) != 0:
            return "sm-unknown"
        numbers.append(str(number.value))
    return "sm" + "".join(numbers)


def lowers(arguments: Any) -> bool:
    """Whether layers may become float16 although the file has them in float32."""
    return bool(arguments.fp16) or int(arguments.dla_core) >= 0


def major(trt: Any) -> int:
    """The major version; TensorRT-RTX counts anew from 1 and has TensorRT 10's interface."""
    number = int(trt.__version__.split(".")[0])
    return 10 if trt.__name__ == "tensorrt_rtx" else number


def write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Refused(f"{path}: cannot be written ({error.strerror})") from None


if __name__ == "__main__":
    sys.exit(main())

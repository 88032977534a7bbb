"""run: classify files, folders, raw frames or what a camera sees; a JSON object a line."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.device.errors import BadSetting
from edge.device.subject import add_subject, artifact_of, root_of

if TYPE_CHECKING:
    from edge.device.loading import Loaded
    from edge.device.pictures import Frame
    from edge.device.telemetry import Telemetry

HELP = "Classify pictures, raw frames or what a camera sees, and print a JSON object a line."

_EPILOG = """Files that are no pictures get a line with "error", and the exit code is 2 then."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_subject(parser)
    parser.epilog = _EPILOG
    parser.add_argument(
        "pictures", nargs="*", help="files, folders, or - for raw frames (uint8, height x width x channels) from stdin"
    )
    parser.add_argument("--camera", metavar="DEVICE", help="a V4L2 camera, such as /dev/video0; needs OpenCV")
    parser.add_argument("--raw", action="store_true", help="the files hold raw frames, as stdin does")
    parser.add_argument(
        "--frames", type=int, metavar="N", help="end after N pictures (default: when there are no more)"
    )
    parser.add_argument("--top", type=int, metavar="N", help="scores to print for each picture (default: 5)")
    parser.add_argument("--threads", type=int, default=1, help="of the runtime (default: 1)")
    parser.add_argument(
        "--telemetry", action="store_true", help="count answers by label and confidence, in small files"
    )


def main(arguments: argparse.Namespace) -> int:
    if bool(arguments.pictures) == bool(arguments.camera):
        raise BadSetting("expected pictures, or --camera; see --help")
    from edge.device.loading import load
    from edge.device.telemetry import Telemetry

    root = root_of(arguments)
    with artifact_of(arguments) as artifact:
        loaded = load(artifact, arguments.runtime, engines=root.engines, threads=arguments.threads)
        _say_who_answers(loaded)
        if not arguments.telemetry:
            return _answer_all(_frames(arguments, loaded), loaded, arguments, None)
        with closing(Telemetry(root.telemetry, loaded.contract.name, loaded.contract.version)) as telemetry:
            return _answer_all(_frames(arguments, loaded), loaded, arguments, telemetry)


def _say_who_answers(loaded: Loaded) -> None:
    contract = loaded.contract
    sys.stderr.write(f"{contract.name} {contract.version} in {loaded.runtime} ({loaded.file})\n")
    for sentence in loaded.fallback:
        sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


def _frames(arguments: argparse.Namespace, loaded: Loaded) -> Iterator[Frame]:
    contract = loaded.contract.input
    if arguments.camera:
        from edge.device.camera import frames_of_camera

        yield from frames_of_camera(arguments.camera, contract)
    from edge.device.pictures import frames_of, frames_of_stream

    for name in arguments.pictures:
        if name == "-":
            yield from frames_of_stream(sys.stdin.buffer, "stdin", contract)
        else:
            yield from frames_of([Path(name)], contract, raw=arguments.raw)


def _answer_all(
    frames: Iterator[Frame], loaded: Loaded, arguments: argparse.Namespace, telemetry: Telemetry | None
) -> int:
    """Print the answers, each at once; the exit code."""
    labels = len(loaded.contract.output.labels)
    top = min(5, labels) if arguments.top is None else arguments.top
    if not 1 <= top <= labels:
        raise BadSetting(f"--top {top}: expected 1 to {labels}, the number of labels")
    code = 0
    for frame in islice(frames, arguments.frames):
        line = _answer(frame, loaded, top)
        code = 2 if "error" in line else code
        if telemetry is not None and "error" not in line:
            telemetry.count([(line["label"], line["confidence"])])
        # Names of files may hold bytes that are no UTF-8.
        sys.stdout.buffer.write((json.dumps(line, ensure_ascii=False) + "\n").encode(errors="backslashreplace"))
        sys.stdout.buffer.flush()
    return code


def _answer(frame: Frame, loaded: Loaded, top: int) -> dict[str, Any]:
    from edge.device.ranking import milliseconds, ranked

    if frame.pixels is None:
        return {"source": frame.source, "error": frame.error}
    start = time.perf_counter()
    logits = loaded.executor.run(frame.pixels[None])[0]
    seconds = {**frame.seconds, "infer": time.perf_counter() - start}
    scores = ranked(loaded.contract.output, logits, top)
    return {
        "source": frame.source,
        "label": scores[0]["label"],
        "confidence": scores[0]["score"],
        "scores": scores,
        "latency_ms": milliseconds(seconds),
    }

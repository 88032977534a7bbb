"""Asking a target about any model file, also one that is not ours and may be damaged."""

from pathlib import Path

from edge.boards import Board, find_board
from edge.device.errors import BadModel, ConversionFailed
from edge.target import Verdict
from edge.targets import TARGETS
from pipeline.isolate import Child

SECONDS = 300
MEMORY = 16 * 2**30  # bytes of address space: libraries reserve much more than they use
LARGEST = 2**31  # bytes: neither FlatBuffers nor Protocol Buffers can describe more


def check_model(model: Path, target: str, board: str | None) -> Verdict:
    """The verdict of `target` on the file `model`, reached in a child process, which a damaged file may crash.

    Raises BadModel where the file is no model that the target reads, BadBoard where the target has no such board.
    """
    place = find_board(target, board)
    if not model.exists():
        raise BadModel(f"{model}: not there; expected a model file")
    if model.is_file() and model.stat().st_size >= LARGEST:
        raise BadModel(f"{model}: {model.stat().st_size:,} bytes; a model file has less than {LARGEST:,}")
    with Child(seconds=SECONDS, memory=MEMORY) as child:
        return ask(child, model, target, place)


def ask(child: Child, model: Path, target: str, board: Board | None) -> Verdict:
    """The verdict of `target` on `model`, reached in `child`.

    Raises BadModel where the file is no model that the target reads, or reading it crashed the child.
    """
    try:
        return child.call(TARGETS[target].check, model, board)
    except ConversionFailed as error:
        raise BadModel(f"{model}: cannot be read: {error}") from None

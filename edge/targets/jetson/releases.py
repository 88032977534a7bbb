"""What each release of TensorRT's ONNX parser takes: the tables in tables/*.toml, each with its source."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edge.boards import Board

FOLDER = Path(__file__).parent / "tables"
WITHOUT_BOARD = ("8.6", "10.6", "10.15", "11.x")  # newer than what only the oldest boards have


@dataclass(frozen=True, kw_only=True)
class Release:
    """One operator table. `types`: what each supported operator reads, empty where the table does not say."""

    version: str  # e.g. "10.6"; "11.x"
    source: str
    opsets: range
    input_types: frozenset[str]  # names of TensorProto.DataType
    code_types: frozenset[str]  # of QuantizeLinear and DequantizeLinear
    types: Mapping[str, frozenset[str]]  # e.g. "Conv": {"FP32", "FP16", "INT8"}
    unsupported: frozenset[str]
    restrictions: Mapping[str, str]
    local_functions: bool  # operators that the model itself defines
    strongly_typed_only: bool  # no precision flags, no calibrators: types as the graph has them

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


@cache
def all_releases() -> tuple[Release, ...]:
    """Every table, oldest first."""
    return tuple(sorted((_read(path) for path in FOLDER.glob("*.toml")), key=lambda each: _numbers(each.version)))


def releases_for(board: Board | None) -> Sequence[Release]:
    """The table of the board's TensorRT; without a board, those of all that current boards may have."""
    version = None if board is None else board.word("tensorrt")
    if version is None:
        return tuple(each for each in all_releases() if each.version in WITHOUT_BOARD)
    return (_nearest(version),)


def version_of(board: Board) -> tuple[int, ...]:
    """The board's TensorRT version in numbers, e.g. (8, 5, 2)."""
    return _numbers(board.word("tensorrt") or "")


def _nearest(version: str) -> Release:
    """The newest table that is not newer than `version`, else the oldest of its major version, else the oldest."""
    numbers = _numbers(version)
    same = [each for each in all_releases() if each.major == numbers[0]] or list(all_releases())
    older = [each for each in same if _numbers(each.version) <= numbers]
    return older[-1] if older else same[0]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _read(path: Path) -> Release:
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    first, last = table["opsets"]
    return Release(
        version=table["version"],
        source=table["source"],
        opsets=range(first, last + 1),
        input_types=frozenset(table["input_types"]),
        code_types=frozenset(table["code_types"]),
        types={name: frozenset(group["types"]) for group in table["supported"] for name in group["operators"]},
        unsupported=frozenset(table["unsupported"]),
        restrictions=table["restrictions"],
        local_functions=table["local_functions"],
        strongly_typed_only=table["strongly_typed_only"],
    )

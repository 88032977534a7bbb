"""What a board has, held against what a model takes."""

from collections.abc import Mapping

from edge.boards import Board
from edge.target import Finding

COMFORT = 0.75  # above this share the rest is tight for the stack, the drivers and a camera's frame


def fit(board: Board, estimates: Mapping[str, int]) -> list[Finding]:
    """Findings about RAM, flash and the NPU of `board`; `estimates` as in the mcu target's verdict."""
    memory = "ram_bytes" if board.number("arena_ram_bytes") is None else "arena_ram_bytes"
    return [
        *_bounded(board, "RAM", memory, "arena_bytes_with_margin", estimates),
        *_bounded(board, "flash", "flash_bytes", "flash_bytes", estimates),
        *_npu(board),
    ]


def _bounded(board: Board, words: str, figure: str, estimate: str, estimates: Mapping[str, int]) -> list[Finding]:
    has = board.number(figure)
    if has is None or estimate not in estimates:
        return []
    needs = estimates[estimate]
    piece = " in one piece" if figure == "arena_ram_bytes" else ""
    if needs > has:
        reason = f"needs {needs:,} bytes, {board.title} has {has:,.0f}{piece}"
        fix = "use a smaller network or picture, or a larger board"
        return [Finding(severity="refused", operator=words, reason=reason, fix=fix)]
    if needs > COMFORT * has:
        reason = (
            f"needs {needs:,} of {has:,.0f} bytes{piece}; {has - needs:,.0f} are left for all the rest of the program"
        )
        return [Finding(severity="warning", operator=words, reason=reason)]
    return []


def _npu(board: Board) -> list[Finding]:
    npu, compiler = board.word("npu"), board.word("npu_compiler")
    if npu is None:
        return []
    if npu == "Edge TPU":
        reason = f"TFLite Micro runs this on the {board.word('core')}; the {npu} is not used"
        return [Finding(severity="note", operator="NPU", reason=reason, fix="the target coral makes its file")]
    reason = f"whether {npu} takes these operators is its vendor's compiler's to say ({compiler}), which was not asked"
    fix = f"give it model.tflite; without it, TFLite Micro runs everything on the {board.word('core')}"
    return [Finding(severity="note", operator="NPU", reason=reason, fix=fix)]

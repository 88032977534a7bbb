"""DEVICE.md: how to install the runtime, compile, and run the model, from templates and the boards' figures."""

from collections.abc import Sequence
from pathlib import Path
from string import Template

from edge.boards import Board, boards_of

NAME = "DEVICE.md"
TEMPLATES = Path(__file__).parent / "templates"


def device_instructions(board: Board | None, *, compiled: bool) -> str:
    """Markdown for `board`, or for every Coral board where none is named; `compiled`: model_edgetpu.tflite is there."""
    boards = list(boards_of("coral").values()) if board is None else [board]
    head = _filled("compiled" if compiled else "to_compile")
    return "\n".join([_filled("device", boards=", ".join(each.title for each in boards)), head, *_sections(boards)])


def _sections(boards: Sequence[Board]) -> list[str]:
    """One section for each board, and what several need stands once."""
    sections = [_filled("board", title=each.title, facts=_facts(each), steps=_steps(each)) for each in boards]
    if any(each.word("runtime") == "litert" for each in boards):
        sections.append(_filled("linux"))
    if any(each.word("runtime") == "tflite-micro" for each in boards):
        sections.append(_filled("micro"))
    return sections


def _facts(board: Board) -> str:
    return "\n".join(
        f"- {name.replace('_', ' ')}: {_shown(figure.value)} ([source]({figure.source}))"
        for name, figure in board.figures.items()
    )


def _steps(board: Board) -> str:
    """Which of the shared steps the board needs, by its figures."""
    names = ["run_micro"] if board.word("runtime") == "tflite-micro" else ["runtime", "run_linux"]
    if board.word("driver") is not None:
        names.insert(0, "driver")
    if board.word("python") is not None:
        names.insert(0, "mendel")
    return "".join(
        _filled(name, python=board.word("python") or "", driver=board.word("driver") or "") for name in names
    )


def _shown(value: int | float | str | bool) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _filled(name: str, **values: str) -> str:
    return Template((TEMPLATES / f"{name}.md").read_text(encoding="utf-8")).substitute(values)

"""Progress for people: one live line on a terminal, a line for each new phase elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline.data.source import Report

# Standard output is for results; a program may read them.
console = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def reporting() -> Iterator[Report]:
    """A function of (words, done, total) that shows how far the work has come; a total of 0 is not known."""
    if not sys.stderr.isatty():
        yield _plain_lines()
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda words, done, total: progress.update(task, description=words, completed=done, total=total or None)


def _plain_lines() -> Report:
    last = ""

    def report(words: str, done: int, total: int) -> None:  # noqa: ARG001 - the same call as on a terminal
        nonlocal last
        if words != last:
            last = words
            console.print(words, markup=False)

    return report

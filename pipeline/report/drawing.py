"""Pictures of the page: matplotlib's SVG, in the page's own colours, so that they follow light and dark."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

# Stand-ins that matplotlib draws with; the page puts its own colours there (page.css).
INK = "#0a0a01"
MUTED = "#0a0a02"
GRID = "#0a0a03"
SURFACE = "#0a0a04"
ACCENT = "#0a0a05"
GOOD = "#0a0a06"
BAD = "#0a0a07"
SERIES = tuple(f"#0a0b0{number}" for number in range(1, 7))  # of kinds that stand beside each other

_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--line",
    SURFACE: "--panel",
    ACCENT: "--accent",
    GOOD: "--good",
    BAD: "--bad",
    **{colour: f"--series-{number}" for number, colour in enumerate(SERIES, 1)},
}

_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: it can be read, searched and spoken
    "text.parse_math": False,  # a class may be called "$"
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}


_READABLE = 5.5  # inches: a wider drawing is not shrunk below this, but scrolled, as its text would be too small


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """An inline `svg` with what it shows in `words`, for those who do not see it."""

    svg: str
    words: str


@contextmanager
def page_style() -> Iterator[None]:
    """What is drawn within is drawn in the page's style; matplotlib reads it at every call."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):
        yield


def canvas(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Any, Any]:
    """A matplotlib figure of `width` by `height` inches, and its axes: one, or an array of them.

    `options` go to `Figure.subplots`. A page on a telephone is about 4 inches wide, on paper 7.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def finish(figure: Any, name: str, words: str) -> Drawing:
    """The figure as an inline SVG called `name`, unique on the page, with the text alternative `words`."""
    import matplotlib as mpl

    buffer = io.StringIO()
    # The salt makes the same figure the same bytes.
    with mpl.rc_context({"svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # here; the browser has other fonts
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<(metadata|style)\b.*?</\1>\s*", "", svg, flags=re.DOTALL)  # page.css has the one rule of the style
    svg = re.sub(r"<[^>]*>", lambda tag: _as_of_the_page(tag[0], name), svg)  # tags alone, not the text that is drawn
    width = figure.get_size_inches()[0]
    size = f"max-width: {width:g}in; min-width: {min(width, _READABLE):g}in"
    head = rf'<svg viewBox="\1" style="{size}" aria-hidden="true">'
    svg = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', head, svg, count=1)
    return Drawing(svg=svg, words=words)


def _as_of_the_page(tag: str, name: str) -> str:
    """An SVG tag with identifiers that are the page's only ones of that name, and with its colours."""
    tag = re.sub(r'\bid="', f'id="{name}-', tag)
    tag = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", tag)
    for colour, variable in _VARIABLES.items():
        tag = tag.replace(colour, f"var({variable})")
    return tag

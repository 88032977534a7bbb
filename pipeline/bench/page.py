"""docs/benchmarks.md, made from docs/benchmarks.json and nothing else."""

from pathlib import Path

import jinja2

from edge.device.files import write_bytes
from pipeline.bench.goals import Results
from pipeline.bench.peers.contest import OURS
from pipeline.bench.peers.goals import judge
from pipeline.bench.record import PLACE, read_records
from pipeline.bench.serving.goals import judge as judge_serving

_TEMPLATE = "benchmarks.md.jinja"


def write_page() -> None:
    """Write docs/benchmarks.md beside docs/benchmarks.json."""
    write_bytes(PLACE.with_suffix(".md"), page_of(read_records()).encode())


def page_of(records: Results) -> str:
    """The page about the sections that were measured; those that were not are named."""
    environment = jinja2.Environment(  # noqa: S701 - Markdown, of our own figures
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters |= {"percent": _percent, "points": _points, "one_line": _one_line}
    verdicts = [*judge(records), *judge_serving(records.get("serving", {}))]
    return environment.get_template(_TEMPLATE).render(**records, ours=OURS, verdicts=verdicts)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _points(share: float) -> str:
    return f"{100 * share:+.2f}"


def _one_line(text: str) -> str:
    return " ".join(text.split())

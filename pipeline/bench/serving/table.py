"""The results on screen."""

from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.bench.goals import Results, goals_table
from pipeline.bench.serving.goals import judge


def show(results: Results, console: Console) -> None:
    """The servers side by side for each task, then every goal with its verdict."""
    for task in ("tensor", "picture"):
        if task in results:
            console.print(_servers(task, results[task]))
    console.print(goals_table(judge(results)))


def _servers(task: str, body: Results) -> Table:
    title = f"{task}: {body['model']} in {body['runtime']}, {body['bytes']:,} bytes a request"
    table = Table(title=title, caption="p50, p99: one client; requests a second: eight clients; memory: PSS")
    table.add_column("")
    for name in ("p50 ms", "p99 ms", "requests/s", "CPU ms, 1 client", "CPU ms, 8 clients", "to in process", "MiB"):
        table.add_column(name, justify="right")
    for name, figures in body["variants"].items():
        table.add_row(name, *_cells(figures, body["cpu_against_in_process"].get(name, {})))
    return table


def _cells(figures: dict[str, Any], against: dict[str, float]) -> list[str]:
    ratio = against.get("8 clients")
    return [
        f"{figures['p50_ms']:.3f}",
        f"{figures['p99_ms']:.3f}",
        f"{figures['throughput']:,.0f}",
        f"{figures['cpu_ms']['1 client']:.3f}",
        f"{figures['cpu_ms']['8 clients']:.3f}",
        "" if ratio is None else f"{ratio:.2f}",
        f"{figures['memory_mib']:.0f}",
    ]

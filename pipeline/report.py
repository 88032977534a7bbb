"""results.json and the table: every artefact's proof beside the float model's figures."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from edge.device.errors import EdgewiseError
from edge.device.files import read_json
from pipeline.data.dataset import Split, load_dataset
from pipeline.evaluation import evaluate_logits, float_logits
from pipeline.ladder import NoRungHolds
from pipeline.recipe import Recipe


def read_proofs(run: Path, targets: Iterable[str]) -> dict[str, Any]:
    """The proof.json of the artefacts of `targets` in run/export."""
    return {target: read_json(run / "export" / target / "proof.json") for target in targets}


def collect(recipe: Recipe, run: Path, proofs: dict[str, Any], refused: Mapping[str, EdgewiseError]) -> dict[str, Any]:
    """The content of results.json: figures of the float model, one row for each file and runtime of `proofs`, and why
    the targets of `refused` have none."""
    dataset = load_dataset(run / "data")
    logits = float_logits(run / "train")
    blind = evaluate_logits(logits.blind_test, dataset.part(Split.BLIND_TEST).labels)
    validation = evaluate_logits(logits.validation, dataset.part(Split.VALIDATION).labels)
    rows = [row for target, proof in proofs.items() for row in _rows(target, proof)]
    return {
        "recipe": recipe.name,
        "float": {
            "top1": blind.top1,
            "top1_interval": blind.interval,
            "samples": blind.count,
            "validation_top1": validation.top1,
            "parameters": read_json(run / "train" / "summary.json")["parameters"],
        },
        "budget": recipe.quantize.budget,
        "artefacts": rows,
        "refused": [
            {
                "target": target,
                "reasons": str(failure).splitlines(),
                "tried": [asdict(rung) for rung in failure.tried] if isinstance(failure, NoRungHolds) else [],
            }
            for target, failure in refused.items()
        ],
    }


def _rows(target: str, proof: dict[str, Any]) -> list[dict[str, Any]]:
    timed = [entry for entry in proof["proofs"] if not entry["refused"] and entry["latency_p50"] is not None]
    fastest = min(timed, key=lambda entry: entry["latency_p50"], default=None)
    return [
        {
            "target": target,
            "file": f"export/{target}/{entry['file']}",
            "board": proof["board"],
            "precision": proof["precision"],
            "runtime": entry["runtime"],
            "top1": entry["top1"],
            "top1_interval": entry["top1_interval"],
            "drop": entry["drop"],
            "agreement": entry["agreement"],
            "difference": entry["difference"],
            "bytes": entry["bytes"],
            "latency_ms": {"p50": entry["latency_p50"], "p99": entry["latency_p99"]},
            "fastest": entry is fastest,
            "refused": entry["refused"],
            "figures": proof["figures"],
            "tried": proof["tried"],
            "sha256": entry["sha256"],
        }
        for entry in proof["proofs"]
    ]


_WIDE = 134  # columns that the whole table takes; a narrower terminal sees the figures that matter most


def table(results: dict[str, Any], width: int) -> Group:
    """The proofs as a table for a terminal of `width` columns; figures come from the blind test."""
    reference = results["float"]
    title = (
        f"{results['recipe']}: float Keras {reference['top1']:.2%} top-1 ({_interval(reference['top1_interval'])}) "
        f"on {reference['samples']:,} blind-test pictures"
    )
    if not results["artefacts"]:
        return Group(Text(title, "bold"))
    grid = Table(title=title, title_justify="left", title_style="bold")
    for name, _ in _columns(results["artefacts"][0], width):
        grid.add_column(name, justify="left" if name in _WORDS else "right", no_wrap=True)
    before = None
    for row in results["artefacts"]:
        if before not in (None, row["target"]):
            grid.add_section()
        cells = dict(_columns(row, width))
        if row["target"] == before:
            cells |= {"target": "", "precision": ""}
        before = row["target"]
        grid.add_row(*cells.values())
    refused = [
        Text(f"not proven: {row['target']}: {Path(row['file']).name} in {row['runtime']}: {row['refused']}", "red")
        for row in results["artefacts"]
        if row["refused"]
    ]
    grid.caption = "drop: points of top-1 lost against float; agrees: labels equal to the reference's; one thread"
    return Group(grid, *refused)


_WORDS = ("target", "precision", "file", "runtime", "")


def _columns(row: dict[str, Any], width: int) -> list[tuple[str, str]]:
    """Column names with a row's cells."""
    wide = width >= _WIDE
    cells = [
        ("target", row["target"]),
        ("precision", row["precision"]),
        ("file", Path(row["file"]).name),
        ("runtime", row["runtime"]),
        ("top-1", f"{row['top1']:.2%}"),
        ("95 %", _interval(row["top1_interval"]) if wide else ""),
        ("drop", f"{100 * row['drop']:+.2f}"),
        ("agrees", f"{row['agreement']:.2%}" if wide else ""),
        ("KiB", f"{row['bytes'] / 1024:,.1f}" if wide else ""),
        ("p50 ms", _milliseconds(row["latency_ms"]["p50"])),
        ("p99 ms", _milliseconds(row["latency_ms"]["p99"]) if wide else ""),
        ("", "[red]not proven[/]" if row["refused"] else "[green]fastest[/]" if row["fastest"] else ""),
    ]
    return cells if wide else [(name, cell) for name, cell in cells if name not in ("95 %", "agrees", "KiB", "p99 ms")]


def _milliseconds(latency: float | None) -> str:
    return "" if latency is None else f"{latency:.3f}"  # a simulator's time says nothing


def _interval(bounds: tuple[float, float]) -> str:
    return f"{100 * bounds[0]:.1f}–{100 * bounds[1]:.1f}"  # noqa: RUF001 - an en dash spans a range

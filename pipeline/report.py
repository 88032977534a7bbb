"""results.json and the table: every artefact's proof beside the float model's figures."""

from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from edge.device.files import read_json
from pipeline.data.dataset import Split, load_dataset
from pipeline.evaluation import evaluate_logits
from pipeline.recipe import Recipe


def read_proofs(recipe: Recipe, run: Path) -> dict[str, Any]:
    """The proof.json of every artefact that stands in run/export, by target."""
    places = {target: run / "export" / target / "proof.json" for target in recipe.export.targets}
    return {target: read_json(place) for target, place in places.items() if place.exists()}


def collect(recipe: Recipe, run: Path, proofs: dict[str, Any]) -> dict[str, Any]:
    """The content of results.json: figures of the float model, and one row for each file and runtime of `proofs`."""
    dataset = load_dataset(run / "data")
    with np.load(run / "train" / "float.npz", allow_pickle=False) as arrays:
        blind = evaluate_logits(arrays["blind_test"], dataset.part(Split.BLIND_TEST).labels)
        validation = evaluate_logits(arrays["validation"], dataset.part(Split.VALIDATION).labels)
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
    }


def _rows(target: str, proof: dict[str, Any]) -> list[dict[str, Any]]:
    proven = [entry for entry in proof["proofs"] if not entry["refused"]]
    fastest = min(proven, key=lambda entry: entry["latency_p50"], default=None)
    return [
        {
            "target": target,
            "file": f"export/{target}/{entry['file']}",
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
            "tried": proof["tried"],
            "sha256": entry["sha256"],
        }
        for entry in proof["proofs"]
    ]


def table(results: dict[str, Any]) -> Table:
    """The proofs as a table for the terminal; figures come from the blind test."""
    reference = results["float"]
    title = (
        f"{results['recipe']}: float Keras {reference['top1']:.2%} top-1 ({_interval(reference['top1_interval'])}) "
        f"on {reference['samples']:,} blind-test pictures"
    )
    grid = Table(title=title, title_justify="left", title_style="bold")
    for name in ("target", "precision", "file", "runtime"):
        grid.add_column(name, no_wrap=True)
    for name in ("top-1", "95 %", "drop", "agrees", "KiB", "p50 ms", "p99 ms"):
        grid.add_column(name, justify="right", no_wrap=True)
    grid.add_column("")
    before = None
    for row in results["artefacts"]:
        if before not in (None, row["target"]):
            grid.add_section()
        first = row["target"] != before
        before = row["target"]
        grid.add_row(
            row["target"] if first else "",
            row["precision"] if first else "",
            Path(row["file"]).name,
            row["runtime"],
            f"{row['top1']:.2%}",
            _interval(row["top1_interval"]),
            f"{100 * row['drop']:+.2f}",
            f"{row['agreement']:.2%}",
            f"{row['bytes'] / 1024:,.1f}",
            f"{row['latency_ms']['p50']:.3f}",
            f"{row['latency_ms']['p99']:.3f}",
            f"[red]not proven: {row['refused']}[/]"
            if row["refused"]
            else "[green]fastest[/]"
            if row["fastest"]
            else "",
        )
    grid.caption = (
        "drop: points of top-1 lost against float; agrees: labels equal to the reference kernels'; one thread"
    )
    return grid


def _interval(bounds: tuple[float, float]) -> str:
    return f"{100 * bounds[0]:.1f}–{100 * bounds[1]:.1f}"  # noqa: RUF001 - an en dash spans a range

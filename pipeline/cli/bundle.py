"""bundle and key: a proven artefact as one signed file for devices."""

import os
from pathlib import Path

import click
from rich.markup import escape

from pipeline.cli.progress import console
from pipeline.cli.subject import path_of


@click.command()
@click.argument("subject", metavar="RUN|ARTEFACT|RECIPE", type=click.Path(path_type=Path))
@click.option("--target", help="Which artefact of the run: cpu, coral, jetson, ...")
@click.option("--key", required=True, type=click.Path(path_type=Path), help="Private key; `edgewise key` makes one.")
@click.option(
    "--output", type=click.Path(path_type=Path), help="File or folder.  [default: NAME-VERSION-TARGET.bundle]"
)
@click.option("--board", help="The only board that may install it.  [default: the one it was exported for, or any]")
@click.option("--licence", type=click.Path(path_type=Path), help="File of the model's licence, which travels with it.")
def bundle(
    subject: Path, target: str | None, key: Path, output: Path | None, board: str | None, licence: Path | None
) -> None:
    """Make one signed file of an artefact of RUN (runs/flowers): model, contract, golden vectors, proof, bill of
    materials and the program that runs it on the device. The same artefact and key give the same bytes.

    \b
    Examples:
      edgewise key signing.pem
      edgewise bundle runs/digits --target cpu --key signing.pem
    """
    from edge.bundle.making import find_artifact, plan, write_bundle
    from edge.device.requirements import RUNNABLE

    made = plan(find_artifact(path_of(subject), target), board, licence)
    path = write_bundle(made, key, output)
    description = made.description
    console.print(
        f"[bold]bundle[/]    {escape(os.path.relpath(path))}: {description.name} {description.version} for "
        f"{description.target}{f', {description.board}' if description.board else ''}, {description.precision}, "
        f"{len(description.files)} files, {path.stat().st_size:,} bytes"
    )
    if licence is None:
        console.print("          no licence of the model is stated; --licence FILE puts one in")
    next_step = "docs/mcu.md, docs/targets.md"
    if description.target in RUNNABLE:
        next_step = f"edgewise deploy {path.name} pi@device1 --key {key.with_suffix('.pub.pem')}, docs/devices.md"
    console.print(f"          next: {escape(next_step)}")


@click.command()
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
def key(path: Path) -> None:
    """Make a key that signs bundles: FILE, which stays secret, and FILE's .pub.pem, which devices trust.

    \b
    Example:
      edgewise key signing.pem
    """
    from edge.bundle.signing import make_key

    public = make_key(path)
    console.print(f"[bold]key[/]       {escape(str(path))} signs, keep it secret; {escape(str(public))} is for devices")

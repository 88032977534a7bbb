"""package: a proven artefact as a Bento, an image, a systemd unit, and for Kubernetes and KServe."""

import os
from pathlib import Path

import click
from rich.markup import escape

from pipeline.cli.progress import console
from pipeline.cli.subject import path_of


@click.command()
@click.argument("subject", metavar="RUN|ARTEFACT|RECIPE", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="The folder to make.  [default: RUN/package]")
@click.option("--name", help="A DNS label, part of all names.  [default: the model's]")
@click.option("--image", metavar="NAME:TAG", help="What the image will be called.  [default: edgewise-NAME:VERSION]")
@click.option(
    "--runtime", default="auto", show_default=True, type=click.Choice(["auto", "litert", "onnx", "openvino"]),
    help="auto: the fastest that the artefact was proven in.",
)  # fmt: skip
def package(subject: Path, output: Path | None, name: str | None, image: str | None, runtime: str) -> None:
    """Make of RUN (runs/flowers), one ARTEFACT (runs/flowers/export/cpu) or the run of a RECIPE a folder to deploy.

    It holds the server, its pinned requirements, and the files for BentoML, containers, Jetson, systemd, Kubernetes and
    KServe. Its server is started once, here, and must answer; docs/deploy.md tells how to go on.

    \b
    Examples:
      edgewise package runs/digits
      edgewise package runs/flowers --image registry.example/vision/flowers:1.2 --runtime onnx
    """
    from pipeline.stage import writing
    from serving.package.build import origin, place_for, plan, write_package
    from serving.package.place import standing

    made = plan(path_of(subject), runtime, name, image)
    place = place_for(made, output)
    wanted = origin(made)
    shown = escape(os.path.relpath(place))
    before = standing(place)
    if before is not None and wanted.same_origin(before):
        console.print(f"[bold]package[/]   up to date: {shown}")
        return
    with writing(place, wanted) as folder:
        trial = write_package(folder, made)
    console.print(
        f"[bold]package[/]   {shown}: {made.name} {made.model.version}, {made.runtime}, image {escape(made.image)}"
    )
    console.print(f"          its server was ready after {trial.ready:.1f} s and took {trial.resident / 2**20:.0f} MiB")
    console.print(f"          next: {shown}/README.md, docs/deploy.md")

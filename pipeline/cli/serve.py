"""serve: a proven artefact over REST."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from pipeline.cli.progress import console
from pipeline.cli.subject import path_of


# What is not given as an option is taken from EDGEWISE_HOST, EDGEWISE_QUEUE, ..., as the server itself does.
@click.command(context_settings={"auto_envvar_prefix": "EDGEWISE"})
@click.argument("subject", metavar="RUN|ARTEFACT|RECIPE", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option("--port", default=3000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 256), help="Processes; one a core.")
@click.option(
    "--runtime", default="auto", show_default=True, type=click.Choice(["auto", "litert", "onnx", "openvino"]),
    help="auto: the fastest that the artefact was proven in.",
)  # fmt: skip
@click.option("--api-key-file", type=click.Path(path_type=Path), help="Keys, one a line; requests must bring one.")
@click.option("--certificate", type=click.Path(path_type=Path), help="PEM file, which makes it HTTPS.")
@click.option("--certificate-key", type=click.Path(path_type=Path), help="PEM file of its private key.")
@click.option(
    "--allow-origin", "origins", multiple=True, help="A web site whose pages may call; repeatable, * for all."
)
@click.option("--queue", type=int, help="Requests that may wait in a worker; more are answered 429.  [default: 8]")
@click.option("--seconds", type=float, help="Time limit of a request.  [default: 10]")
@click.option("--body-bytes", type=int, help="Largest body.  [default: 10 MiB]")
@click.option("--pixels", type=int, help="Largest picture.  [default: 50,000,000]")
@click.option("--images", type=int, help="Most pictures in one request.  [default: 16]")
def serve(
    subject: Path, host: str, port: int, workers: int, certificate: Path | None, certificate_key: Path | None,
    origins: tuple[str, ...], **limits: Any,
) -> None:  # fmt: skip
    """Serve RUN (runs/flowers), one ARTEFACT (runs/flowers/export/cpu) or the run of a RECIPE over REST.

    \b
    Examples:
      edgewise serve runs/digits
      edgewise serve runs/flowers --host 0.0.0.0 --workers 4 --api-key-file keys.txt
      EDGEWISE_QUEUE=4 edgewise serve runs/digits    (every option has such a variable)
    """
    from serving.model import find_artifact
    from serving.settings import PREFIX, Place, Settings, environment

    # Absolute, and found here: what is wrong with it is said before any process starts.
    artifact = find_artifact(path_of(subject).absolute())
    settings = Settings(
        artifact=artifact, origins=origins, **{name: value for name, value in limits.items() if value is not None}
    )
    place = Place(host=host, port=port, workers=workers, certificate=certificate, certificate_key=certificate_key)
    if host not in ("127.0.0.1", "::1", "localhost") and settings.api_key_file is None:
        console.print(
            "[yellow]note[/] anyone who reaches this address may use the model; --api-key-file asks for a key"
        )
    told = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    # A SIGHUP that comes before the server listens for it is kept: what is blocked stays so in the next program.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    # The server takes this process over: what the command line has loaded is of no use to it, and takes memory. -P, as
    # the current folder is not where Python shall look for it.
    os.execve(sys.executable, [sys.executable, "-P", "-m", "serving"], {**told, **environment(settings, place)})  # noqa: S606

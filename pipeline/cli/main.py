"""Commands, and what their errors look like: one message, no traceback, an exit code with a meaning."""

import os
import sys
from pathlib import Path

import click
from rich.markup import escape

from edge.device.errors import EdgewiseError
from pipeline.cli.bundle import bundle, key
from pipeline.cli.check import boards, check
from pipeline.cli.compare import compare
from pipeline.cli.deploy import deploy
from pipeline.cli.diagnose import diagnose
from pipeline.cli.evaluate import evaluate
from pipeline.cli.fleet import fleet
from pipeline.cli.package import package
from pipeline.cli.preview import preview
from pipeline.cli.progress import console
from pipeline.cli.publish import publish
from pipeline.cli.report import report
from pipeline.cli.serve import serve
from pipeline.cli.stages import export, quantize, train
from pipeline.stage import explain

# Set before TensorFlow is imported anywhere: its notes about the CPU are no news to anyone.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="edgewise", prog_name="edgewise")
def edgewise() -> None:
    """Train a Keras model, quantize it, export it for each edge device, and prove every export.

    \b
    Exit codes: 0 done; 2 the command, recipe, data or folder cannot be used; 3 a proof failed, or a model does not fit.
    """


for command in (
    train,
    quantize,
    export,
    evaluate,
    report,
    compare,
    diagnose,
    check,
    boards,
    preview,
    serve,
    package,
    bundle,
    deploy,
    fleet,
    publish,
    key,
):
    edgewise.add_command(command)


def main() -> None:
    """The console script."""
    try:
        edgewise.main(standalone_mode=False)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except EdgewiseError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        _fail(str(explain(error, Path.cwd())), 2)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("pipeline", "edge", "models", "serving"):
            raise  # ours, so a fault of ours
        _fail(f"the package {error.name} is missing; `make setup` installs what this command needs", 2)
    except (KeyboardInterrupt, click.Abort):
        _fail("stopped; run the same command again: what was finished, or saved in a checkpoint, is kept", 130)


def _fail(message: str, code: int) -> None:
    for line in message.splitlines():
        console.print(f"[bold red]error[/] {escape(line)}")
    sys.exit(code)

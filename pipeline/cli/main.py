"""Commands, and what their errors look like: one message, no traceback, an exit code with a meaning."""

import os
import sys
from importlib import import_module
from pathlib import Path

import click

from edge.device.errors import EdgewiseError

# Set before TensorFlow is imported anywhere: its notes about the CPU are no news to anyone.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Command -> the module of pipeline.cli that has it.
COMMANDS = {
    "train": "stages",
    "quantize": "stages",
    "export": "stages",
    "evaluate": "evaluate",
    "report": "report",
    "compare": "compare",
    "diagnose": "diagnose",
    "check": "check",
    "boards": "check",
    "preview": "preview",
    "serve": "serve",
    "package": "package",
    "bundle": "bundle",
    "key": "bundle",
    "deploy": "deploy",
    "publish": "publish",
    "fleet": "fleet",
}


class _Commands(click.Group):
    """Loads the module of a command when that is asked for: all of them take a second."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = getattr(import_module(f"pipeline.cli.{COMMANDS[cmd_name]}"), cmd_name)
        return found


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="edgewise", prog_name="edgewise")
def edgewise() -> None:
    """Train a Keras model, quantize it, export it for each edge device, prove every export, and ship it.

    \b
    Exit codes: 0 done; 2 the command, recipe, data or folder cannot be used; 3 a proof failed, or a model does not fit.
    """


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
        from pipeline.stage import explain

        _fail(str(explain(error, Path.cwd())), 2)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("pipeline", "edge", "models", "serving"):
            raise  # ours, so a fault of ours
        _fail(f"the package {error.name} is missing; `make setup` installs what this command needs", 2)
    except (KeyboardInterrupt, click.Abort):
        _fail("stopped; run the same command again: what was finished, or saved in a checkpoint, is kept", 130)


def _fail(message: str, code: int) -> None:
    from rich.markup import escape

    from pipeline.cli.progress import console

    for line in message.splitlines():
        console.print(f"[bold red]error[/] {escape(line)}")
    sys.exit(code)

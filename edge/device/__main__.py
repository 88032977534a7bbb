"""The runner, as `python3 edgewise-device.pyz COMMAND` or `python3 -m edge.device COMMAND`."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys

from edge.device.errors import EdgewiseError

RUNNER = 1  # what `status` calls this program's generation

# Command -> module of edge.device.commands with HELP, add_arguments(parser) and main(arguments) -> exit code.
COMMANDS = {
    "run": "run",
    "serve": "serve",
    "bench": "bench",
    "selftest": "selftest",
    "update": "update",
    "install": "install",
    "rollback": "rollback",
    "status": "status",
    "verify": "verify",
    "enroll": "enroll",
    "serve-worker": "serve_worker",
}
_HIDDEN = ("serve-worker",)  # started by serve alone

_DESCRIPTION = """Runs a model that Edgewise made, on the device that it was made for.

Exit codes: 0 done; 2 the command, bundle or folder cannot be used; 3 the model does not answer as it was proven to."""


def main() -> int:
    """Run the command that the arguments name; what goes wrong is one line on standard error."""
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        _general().parse_args()  # answers --help and refuses what is no command
    name = sys.argv[1]
    try:
        command = importlib.import_module(f"edge.device.commands.{COMMANDS[name]}")
        parser = argparse.ArgumentParser(prog=f"{_program()} {name}", description=command.HELP)
        command.add_arguments(parser)
        return int(command.main(parser.parse_args(sys.argv[2:])))
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("edge"):
            raise  # ours, so a fault of ours
        return _fail(f"the package {error.name} is missing; pip install {error.name}", 2)
    except EdgewiseError as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        # Whoever read our output has gone; and so that Python's own flush at the end does not complain:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        reason = "no space left" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror or str(error)
        return _fail(f"{error.filename or name}: {reason}; what is installed stays in use", 2)
    except KeyboardInterrupt:
        return 130


def _general() -> argparse.ArgumentParser:
    shown = [name for name in COMMANDS if name not in _HIDDEN]
    parser = argparse.ArgumentParser(
        prog=_program(), description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=shown, help="followed by --help, each tells more")
    return parser


def _program() -> str:
    name = os.path.basename(sys.argv[0])  # noqa: PTH119 - a name alone
    return "edgewise-device.pyz" if name == "__main__.py" else name


def _fail(message: str, code: int) -> int:
    sys.stderr.write("".join(f"error: {line}\n" for line in message.splitlines()))
    return code


if __name__ == "__main__":
    sys.exit(main())

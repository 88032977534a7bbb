"""How a process of the server ends where it cannot go on: one line, and a code with a meaning."""

import contextlib
import sys
from collections.abc import Iterator

from edge.device.errors import EdgewiseError, Interrupted


@contextlib.contextmanager
def one_line_exits() -> Iterator[None]:
    """Tell an error of ours in a line, and Ctrl-C in none; end with the codes of `edge.device.errors`."""
    try:
        yield
    except EdgewiseError as error:
        print(f"error {error}", file=sys.stderr)  # noqa: T201 - a server has no console of its own
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(Interrupted.exit_code)

"""`python -m serving`: the server as a container, a unit or `edgewise serve` starts it, told by the environment."""

import os
import sys

from edge.device.errors import EdgewiseError
from serving.run import serve
from serving.settings import Place, Settings


def main() -> None:
    try:
        serve(Settings.from_environment(os.environ), Place.from_environment(os.environ))
    except EdgewiseError as error:
        print(f"error {error}", file=sys.stderr)  # noqa: T201 - a server has no console of its own
        sys.exit(error.exit_code)


if __name__ == "__main__":  # workers import this module anew
    main()

"""`python -m serving`: the server as a container, a unit or `edgewise serve` starts it, told by the environment."""

import os
import signal

from serving.exits import one_line_exits


def main() -> None:
    # Kept until the server listens for it, as it would end the process until then. It comes before numpy, whose threads
    # do not take what they are told to keep when they start.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    with one_line_exits():  # also while the imports run, which is half of the start
        from serving.run import serve
        from serving.settings import Place, Settings

        serve(Settings.from_environment(os.environ), Place.from_environment(os.environ))


if __name__ == "__main__":  # workers import this module anew
    main()

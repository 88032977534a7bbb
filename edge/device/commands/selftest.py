"""selftest: does the model answer here as it was proven to?"""

from __future__ import annotations

import argparse
import json
import sys
import time

from edge.device.subject import add_subject, artifact_of, root_of

HELP = "Run the golden vectors of the installed model, or of --bundle, and compare with what it was proven to answer."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_subject(parser)


def main(arguments: argparse.Namespace) -> int:
    from edge.device.loading import load

    start = time.perf_counter()
    with artifact_of(arguments) as folder:
        loaded = load(folder, arguments.runtime, engines=root_of(arguments).engines)
        told = {
            "ok": True,
            "name": loaded.contract.name,
            "version": loaded.contract.version,
            "target": loaded.contract.target,
            "runtime": loaded.runtime,
            "fallback": list(loaded.fallback),
            "vectors": len(loaded.golden.inputs),
            "seconds": round(time.perf_counter() - start, 3),
        }
    sys.stdout.write(json.dumps(told) + "\n")
    return 0

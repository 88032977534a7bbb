"""verify: is a bundle whole, and signed by a key that is trusted?"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from edge.device.bundle import unpack
from edge.device.subject import add_root, root_of

HELP = "Check a bundle's signature and every file in it; nothing is installed."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_root(parser)
    parser.add_argument("bundle", type=Path, help="the file, such as flowers-1.2.0-coral.bundle")
    parser.add_argument("--key", type=Path, help="the public key that signed it (default: the trusted ones)")


def main(arguments: argparse.Namespace) -> int:
    keys = [arguments.key] if arguments.key else root_of(arguments).keys()
    with tempfile.TemporaryDirectory(prefix="edgewise-") as folder:
        description = unpack(arguments.bundle, Path(folder) / "bundle", keys)
    told = {name: getattr(description, name) for name in ("name", "version", "target", "board", "precision")}
    sys.stdout.write(json.dumps({"ok": True, **told, "files": len(description.files)}) + "\n")
    return 0

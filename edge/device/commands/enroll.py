"""enroll: from now on this device trusts bundles signed with a key."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from edge.device.bundle.signature import hint_of
from edge.device.errors import BadBundle
from edge.device.files import sync_folder, write_bytes
from edge.device.slots import name_device
from edge.device.subject import add_root, root_of
from edge.device.update.trust import trust

HELP = "Trust a public key: bundles that it signed may be installed here. Also says what kind of device this is."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_root(parser)
    parser.add_argument("key", type=Path, help="PEM file of the public key")
    parser.add_argument("--root-metadata", type=Path, metavar="FILE", help="1.root.json of the repository for `update`")
    parser.add_argument("--target", default="", help="what this device is: cpu, coral, jetson or openvino")
    parser.add_argument("--board", default="", help="which board of that target, as `edgewise boards` calls it")


def main(arguments: argparse.Namespace) -> int:
    root = root_of(arguments)
    try:
        content = arguments.key.read_bytes()
        hint = hint_of(content.decode("ascii"))
    except (OSError, ValueError) as error:
        raise BadBundle(
            f"{arguments.key}: not a public key in PEM form ({error}); expected the .pub.pem file"
        ) from None
    if arguments.root_metadata is not None:
        trust(root, arguments.root_metadata)
    root.trusted.mkdir(parents=True, exist_ok=True)
    write_bytes(root.trusted / f"{hint[:16]}.pem", content)
    sync_folder(root.trusted)
    device = name_device(root, arguments.target, arguments.board)
    sys.stdout.write(json.dumps({"trusted": hint, "id": device.id}) + "\n")
    return 0

"""Which model a command means, as people name it: a bundle's file, a folder, or else the slot in use."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.device.errors import BadArtifact
from edge.device.slots import ARTIFACT, VARIABLE, Root, current_slot, root_at


def add_root(parser: argparse.ArgumentParser) -> None:
    """--root, alike for every command."""
    parser.add_argument(
        "--root",
        type=Path,
        help=f"the device's folder (default: ${VARIABLE}, else that of the slot this is in, else ~/edgewise)",
    )


def add_subject(parser: argparse.ArgumentParser) -> None:
    """--root, --bundle, --key and --runtime, alike for every command that runs a model."""
    add_root(parser)
    parser.add_argument("--bundle", type=Path, help="a bundle, a slot or an artefact (default: what is installed)")
    parser.add_argument("--key", type=Path, help="the public key that signed the bundle (default: the trusted ones)")
    parser.add_argument("--runtime", default="auto", help="one that the model was proven in (default: the fastest)")


def root_of(arguments: argparse.Namespace) -> Root:
    """The device's folder that --root names."""
    return root_at(arguments.root)


@contextmanager
def artifact_of(arguments: argparse.Namespace) -> Iterator[Path]:
    """The folder of the artefact that --bundle names, or of the one that is installed.

    A bundle's file is verified, and unpacked for as long as the context lasts.
    Raises BadArtifact where nothing is there, BadBundle where the bundle is refused.
    """
    root, path = root_of(arguments), arguments.bundle
    if path is None:
        slot = current_slot(root)
        if slot is None:
            raise BadArtifact(f"{root.path}: nothing is installed; install a bundle, or name one with --bundle")
        yield slot / ARTIFACT
    elif path.is_dir():
        yield _within(path.absolute())
    else:
        from edge.device.bundle import unpack  # which brings OpenSSL: not for servers of what is installed

        with tempfile.TemporaryDirectory(prefix="edgewise-") as folder:
            unpack(path, Path(folder) / "bundle", [arguments.key] if arguments.key else root.keys())
            yield Path(folder) / "bundle" / ARTIFACT


def _within(folder: Path) -> Path:
    """The artefact's folder: `folder` itself, or the one in an unpacked bundle."""
    from edge.device.contract import NAME as CONTRACT  # with numpy, which status and verify do without

    for candidate in (folder, folder / ARTIFACT):
        if (candidate / CONTRACT).is_file():
            return candidate
    raise BadArtifact(f"{folder}: no {CONTRACT} there; expected an unpacked bundle or an artefact's folder")

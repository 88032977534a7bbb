"""Whether a bundle is for this device: its target and board, Python, a runtime that reads its model."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from edge.device.bundle.description import Description, Need
from edge.device.bundle.versions import dotted_key, version_key
from edge.device.errors import BadBundle
from edge.device.slots import Device

RUNNABLE = ("cpu", "coral", "jetson", "openvino")

# Builds of the same runtime under other names: JetPack's and the one for CUDA, TFLite before it was called LiteRT.
_ALSO_CALLED = {
    "onnxruntime": ("onnxruntime-gpu", "onnxruntime-openvino"),
    "ai-edge-litert": ("ai-edge-litert-nightly",),
}


def require_kind(description: Description, device: Device | None) -> None:
    """Raise BadBundle unless the bundle is for the target and the board of `device`."""
    if description.target not in RUNNABLE:
        raise BadBundle(
            f"{description.file_name}: for {description.target}, whose artefacts are flashed, not run by this program; "
            f"it runs {', '.join(RUNNABLE)}"
        )
    if device is not None and device.target not in ("", description.target):
        raise BadBundle(
            f"{description.file_name}: for {description.target}, this device is a {device.target}; deploy its bundle, "
            "or delete device.json where the device has changed"
        )
    if device is not None and "" not in (description.board, device.board) and description.board != device.board:
        raise BadBundle(
            f"{description.file_name}: for the board {description.board}, this is a {device.board}; deploy its bundle, "
            "or delete device.json where the device has changed"
        )


def require_fitting(description: Description, device: Device | None) -> None:
    """Raise BadBundle unless this device is of the kind that the bundle is for, and has what it needs."""
    require_kind(description, device)
    if sys.version_info[:2] < dotted_key(description.python)[:2]:
        found = ".".join(map(str, sys.version_info[:3]))
        raise BadBundle(f"{description.file_name}: needs Python {description.python} or newer, this is {found}")
    lacks = list(map(_lack, description.runtimes))
    if all(lacks):
        said = "; ".join(dict.fromkeys(lacks)) or "none is named"
        raise BadBundle(
            f"{description.file_name}: needs one of these runtimes: {said}; "
            f"install one for {sys.executable}, or run this with the Python that has one (deploy: --python)"
        )


def require_newer(description: Description, installed: Description | None, *, allow_downgrade: bool) -> None:
    """Raise BadBundle where another model, or a newer version of this one, is installed, unless that is asked for."""
    if installed is None or allow_downgrade:
        return
    if installed.name != description.name:
        raise BadBundle(
            f"{description.file_name}: this device runs {installed.name}; --allow-downgrade puts another model there"
        )
    if version_key(description.version) < version_key(installed.version):
        raise BadBundle(
            f"{description.file_name}: older than {installed.version}, which is installed; "
            "--allow-downgrade goes back all the same"
        )


def _lack(need: Need) -> str:
    """What is wrong with the package that brings a runtime, empty where nothing is."""
    found = _installed(need.package)
    if found is None:
        return f"{need.package} {need.version} or newer, which is not installed"
    if dotted_key(found) < dotted_key(need.version):
        return f"{need.package} {need.version} or newer, found {found}"
    return ""


def _installed(package: str) -> str | None:
    """The version of a package, or of another build of it."""
    for name in (package, *_ALSO_CALLED.get(package, ())):
        with suppress(PackageNotFoundError):
            return version(name)
    return None

"""Where the source stands on this machine: data.root, or the download of data.url."""

from pathlib import Path

from edge.device.errors import BadData
from pipeline.data.download import fetch
from pipeline.data.source import Report
from pipeline.recipe import Data


def present(settings: Data) -> Path | None:
    """data.root where the recipe names one; None where the source is a download.

    Raises BadData where root is named and missing, or where neither root nor url is.
    """
    root = settings.root
    if root is not None and not root.exists():
        raise BadData(
            f"data.root: {root} is not there; expected a folder or file with the pictures; "
            "name yours with `--set data.root=FOLDER`"
        )
    if root is None and settings.url is None:
        raise BadData("data.root: not given, and data.url neither; name your pictures with `--set data.root=FOLDER`")
    return root


def locate(settings: Data, report: Report) -> Path:
    """data.root, or the verified download of data.url.

    Raises BadData where root is missing or the download's checksum differs, Unavailable where the server is.
    """
    root = present(settings)
    if root is not None:
        return root
    # The recipe was checked to have them: no root without url, no url without sha256.
    return fetch(str(settings.url), str(settings.sha256), report)


def fingerprint_of_file(settings: Data) -> dict[str, str]:
    """Size and time of change of the file at data.root, or the checksum that a download must have."""
    root = present(settings)
    if root is None:
        return {"sha256": str(settings.sha256)}
    state = root.stat()
    return {"size": str(state.st_size), "mtime_ns": str(state.st_mtime_ns)}

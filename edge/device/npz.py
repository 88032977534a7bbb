"""What can be wrong with numpy's .npz files. Apart from `files`, as processes that read none shall not load zipfile."""

from __future__ import annotations

import zipfile
import zlib

# What numpy and zipfile raise for damaged files; RuntimeError where a damaged bit claims encryption or an unknown
# method of compression.
DAMAGED_NPZ = (OSError, EOFError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error)

"""Every error that Edgewise raises on purpose.

    EdgewiseError            exit 2
    |- BadRecipe             a key or value of a recipe
    |- BadData               pictures, archives, splits
    |- BadModel              a model file, or a model that does not fit
    |- BadBoard              a board that the target does not have
    |- BadArtifact           a run folder, manifest, contract or golden vectors
    |- BadBundle             a bundle that is not what was signed, or not for this device
    |- BadRepository         an update repository that is not what was signed, or older than what was seen
    |- BadSetting            a setting of the service
    |- Refused               a request that the service does not answer; has an HTTP status
    |- Unavailable           disk full, read-only folder, a folder in use, a package that is missing
    |  '- Unreachable        no connection to a device: it was not asked anything
    |- ConversionFailed      a converter refused or crashed
    |- Diverged              training: the loss is not a number
    |- Interrupted           exit 130: stopped on request, ready to go on
    '- ProofFailed           exit 3: made, but not good enough to ship

A message says what was received, what was expected, and what to do next.
"""

from __future__ import annotations


class EdgewiseError(Exception):
    exit_code = 2


class BadRecipe(EdgewiseError):
    pass


class BadData(EdgewiseError):
    pass


class BadModel(EdgewiseError):
    pass


class BadBoard(EdgewiseError):
    pass


class BadArtifact(EdgewiseError):
    pass


class BadBundle(EdgewiseError):
    pass


class BadRepository(EdgewiseError):
    pass


class BadSetting(EdgewiseError):
    pass


class Refused(EdgewiseError):
    """`status` is the answer's HTTP status, `headers` what it says besides, such as when to come again."""

    def __init__(self, status: int, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


class Unavailable(EdgewiseError):
    pass


class Unreachable(Unavailable):
    pass


class ConversionFailed(EdgewiseError):
    pass


class Diverged(EdgewiseError):
    pass


class Interrupted(EdgewiseError):
    exit_code = 130  # 128 + SIGINT, as shells have it


class ProofFailed(EdgewiseError):
    exit_code = 3

"""A bundle as one file: an uncompressed tar, in the only form that its contents allow.

POSIX ustar (IEEE Std 1003.1, pax, "ustar Interchange Format") with plain files alone, owner, group and time zero, mode
0644. A reader takes no other byte, so nothing can hide in a header, and the same contents are the same file.
"""

from __future__ import annotations

import re
from typing import BinaryIO

from edge.device.errors import BadBundle

BLOCK = 512
END = 2 * BLOCK  # of zeros
LONGEST_NAME = 100  # bytes of the field; its prefix stays empty

# Each part starts with a letter or a digit: no "..", no hidden file, no absolute path; nothing that a shell minds.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*", re.ASCII)


def is_name(name: str) -> bool:
    """Whether a file of a bundle may have that path."""
    return len(name) <= LONGEST_NAME and _NAME.fullmatch(name) is not None


def header(name: str, size: int) -> bytes:
    """The block before a file of `size` bytes."""
    fields = (
        name.encode("ascii").ljust(LONGEST_NAME, b"\0"),
        b"0000644\0" + b"0000000\0" * 2,  # mode, owner, group
        b"%011o\0" % size,
        b"%011o\0" % 0,  # time
        b" " * 8,  # the checksum's own place counts as blanks
        b"0".ljust(101, b"\0"),  # a plain file, which links to nothing
        b"ustar\x0000".ljust(88, b"\0"),
    )
    block = b"".join(fields).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def padding(size: int) -> bytes:
    """The zeros behind a file of `size` bytes."""
    return b"\0" * (-size % BLOCK)


def size_of_archive(sizes: list[int]) -> int:
    """Bytes of an archive of files of these sizes."""
    return sum(BLOCK + size + len(padding(size)) for size in sizes) + END


def read_header(file: BinaryIO, most: int) -> tuple[str, int]:
    """The name and size of the next file, which may have `most` bytes.

    Raises BadBundle where the block is not just what `header` makes of them.
    """
    block = file.read(BLOCK)
    name = block[:LONGEST_NAME].rstrip(b"\0").decode("ascii", "replace")
    digits = block[124:135]
    size = int(digits, 8) if re.fullmatch(rb"[0-7]{11}", digits) else -1
    if not is_name(name) or size < 0 or block != header(name, size):
        raise BadBundle("not a bundle, or altered: a file's header is not in the form of bundles")
    if size > most:
        raise BadBundle(f"{name}: {size:,} bytes, at most {most:,} are read")
    return name, size


def read_padding(file: BinaryIO, size: int) -> None:
    """Step over the zeros behind a file; raises BadBundle where they are something else."""
    zeros = padding(size)
    if file.read(len(zeros)) != zeros:
        raise BadBundle("altered: bytes between two files are not zero")


def read_end(file: BinaryIO) -> None:
    """Raise BadBundle unless just the end follows."""
    if file.read(END + 1) != b"\0" * END:
        raise BadBundle("altered: something follows the last file, or the end is cut off")

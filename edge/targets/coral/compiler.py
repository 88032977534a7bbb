"""edgetpu_compiler: run it, and read what it says. https://coral.ai/docs/edgetpu/compiler/"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from edge.device.errors import ConversionFailed
from edge.targets.coral.ruling import MAPPED

COMPILER = "edgetpu_compiler"
SECONDS = 600
LOG = "edgetpu_compiler.log"

_ROW = re.compile(r"^([A-Z][A-Z0-9_]*)\s+(\d+)\s+(\S.*?)\s*$", re.MULTILINE)
_SIZE = r"\s*([\d.]+)\s*(B|KiB|MiB|GiB)"
_CACHED = re.compile(r"On-chip memory used for caching model parameters:" + _SIZE)
_STREAMED = re.compile(r"Off-chip memory used for streaming uncached model parameters:" + _SIZE)
_UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


@dataclass(frozen=True, kw_only=True)
class Row:
    """Some operators of one name that met the same fate."""

    name: str  # "CUSTOM" for any custom operator
    count: int
    status: str

    def __str__(self) -> str:
        return f"{self.count} {self.name}: {self.status}"


@dataclass(frozen=True, kw_only=True)
class Log:
    rows: tuple[Row, ...]
    cached_bytes: int | None  # rounded by the compiler to hundredths of the unit
    streamed_bytes: int | None

    @property
    def mapped_count(self) -> int:
        return sum(row.count for row in self.rows if row.status == MAPPED)

    @property
    def left(self) -> tuple[Row, ...]:
        """The rows of operators that stay on the CPU."""
        return tuple(row for row in self.rows if row.status != MAPPED)


def compile_model(compiler: str, model: Path, seconds: float = SECONDS) -> tuple[Path, Log]:
    """The compiled file beside `model`, and the log; what the compiler said is kept in `edgetpu_compiler.log`.

    Raises ConversionFailed where the compiler fails, writes no file, or takes longer than `seconds`.
    """
    folder, compiled = model.parent, model.with_name(f"{model.stem}_edgetpu.tflite")
    command = [compiler, "--show_operations", "--out_dir", str(folder), str(model)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise ConversionFailed(f"{COMPILER}: no answer in {seconds:g} s; try a smaller network") from None
    except OSError as error:
        raise ConversionFailed(f"{COMPILER}: {compiler} does not start ({error.strerror}); install it anew") from None
    said = done.stdout + done.stderr
    operations = model.with_name(f"{compiled.stem}.log")  # the compiler's own copy of the table of operators
    if operations.is_file():
        if not _ROW.search(said):
            said += operations.read_text(encoding="utf-8", errors="replace")
        operations.unlink()
    (folder / LOG).write_text(said, encoding="utf-8")
    if done.returncode != 0 or not compiled.is_file():
        raise ConversionFailed(f"{COMPILER}: exit {done.returncode}: {_last_words(done)}; see {folder / LOG}")
    return compiled, parse_log(said)


def parse_log(text: str) -> Log:
    """What the compiler's output says of operators and memory; a line that is not there is None or no row."""
    rows = (Row(name=name, count=int(count), status=status) for name, count, status in _ROW.findall(text))
    return Log(rows=tuple(rows), cached_bytes=_size(_CACHED, text), streamed_bytes=_size(_STREAMED, text))


def _size(pattern: re.Pattern[str], text: str) -> int | None:
    found = pattern.search(text)
    return None if found is None else round(float(found[1]) * _UNITS[found[2]])


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"error|invalid|failed|abort|not quantized", line, re.IGNORECASE)]
    return (telling or lines or ["it said nothing"])[-1].strip()

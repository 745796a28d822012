"""The lines of a VCF: header, then rows of calls, read in compiled loops."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import IO, BinaryIO

import numpy as np

from biolake.core.errors import SourceUnreadable
from biolake.readers._genotypes.tables import unique_names

_GZIP, _BGZF_END = b"\x1f\x8b", bytes.fromhex("1f8b08040000000000ff0600424302001b0003") + bytes(9)
_LONGEST = 1 << 30  # bytes of a line
_FIXED = 9  # columns before the calls
# BCF is turned to text by htslib in a process of its own: a damaged file cannot end ours.
_CONVERT = """
import sys
from cyvcf2 import VCF, cyvcf2
cyvcf2.set_htslib_log_level(0)
opened = VCF(sys.argv[1])
sys.stdout.write(opened.raw_header)
for record in opened:
    sys.stdout.write(str(record))
"""


@contextmanager
def vcf_lines(path: Path) -> Iterator[Iterator[bytes]]:
    """Open a VCF (plain, gzip, bgzip) or BCF as lines of text; raises `SourceUnreadable`."""
    with path.open("rb") as stream:
        head = stream.read(3)
        if not head:
            raise SourceUnreadable("the file is empty")
        if head[:2] == _GZIP:
            _check_end(stream)
    if head == b"BCF" or (head[:2] == _GZIP and _inside(path) == b"BCF"):
        with closing(_converted(path)) as lines:
            yield lines
        return
    with gzip.open(path) if head[:2] == _GZIP else path.open("rb") as opened:
        yield _lines(opened)


def _check_end(stream: IO[bytes]) -> None:
    stream.seek(0)
    if stream.read(18)[12:14] != b"BC":
        return
    size = stream.seek(0, 2)
    stream.seek(max(0, size - len(_BGZF_END)))
    if stream.read() != _BGZF_END:
        raise SourceUnreadable("the bgzipped file is cut short: its end mark is missing")


def _inside(path: Path) -> bytes:
    try:
        with gzip.open(path) as opened:
            return opened.read(3)
    except (OSError, EOFError, zlib.error):
        return b""


def _lines(opened: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    try:
        while line := opened.readline(_LONGEST):
            yield line
    except (OSError, EOFError, zlib.error):
        raise SourceUnreadable("the gzipped file is damaged or cut short") from None


def _converted(path: Path) -> Generator[bytes]:
    command = [sys.executable, "-c", _CONVERT, str(path)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet) as process:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        try:
            yield from process.stdout
            if process.wait():
                raise SourceUnreadable("the BCF is damaged or cut short")
        finally:
            process.kill()


def header(lines: Iterator[bytes]) -> tuple[list[str], tuple[str, ...]]:
    """Read up to the first row: the header's lines, and the samples it names."""
    told: list[str] = []
    for line in lines:
        if line.startswith(b"##"):
            told.append(line.decode("utf-8", "replace").rstrip())
        elif line.startswith(b"#CHROM\t"):
            try:
                names = line.decode("utf-8").rstrip("\r\n").split("\t")
            except UnicodeDecodeError:
                raise SourceUnreadable("a sample ID is not UTF-8 text") from None
            return told, unique_names(names[_FIXED:], "")
        else:
            break
    raise SourceUnreadable("it has no header of a VCF or BCF")


class Row:
    """One row: its fixed columns, and the two alleles of each sample (−1 missing, −2 none)."""

    def __init__(self, line: bytes, samples: int, number: int) -> None:
        parts = line.rstrip(b"\r\n").split(b"\t", _FIXED)
        if len(parts) <= _FIXED:
            raise unreadable(number)
        try:
            texts = [part.decode("utf-8") for part in parts[:_FIXED]]
            self.position = int(texts[1])
        except ValueError:
            raise unreadable(number) from None
        self.chromosome, self.name, self.ref = texts[0], texts[2], texts[3]
        self.alts = texts[4].split(",")
        keys = texts[8].split(":")
        self.alleles: np.ndarray | None = None
        self.most = 0  # copies that any sample has
        if "GT" in keys:
            self.alleles = np.empty((samples, 2), dtype=np.int16)
            calls = np.frombuffer(parts[_FIXED], dtype=np.uint8)
            known = len(self.alts) if self.alts != ["."] else 0
            self.most = _loops().read_calls(calls, keys.index("GT"), known, self.alleles)
            if self.most < 0:
                raise unreadable(number)
        elif parts[_FIXED].count(b"\t") != samples - 1:
            raise unreadable(number)

    def dosages(self, alt: int) -> np.ndarray:
        """Count one alt allele in each sample."""
        return np.asarray(_loops().call_dosages(self.alleles, alt))


def unreadable(number: int) -> SourceUnreadable:
    return SourceUnreadable(f"row {number} cannot be read, or the file is cut short")


@cache
def _loops() -> ModuleType:
    import biolake.omics.genotypes._call_loops as compiled_loops

    return compiled_loops

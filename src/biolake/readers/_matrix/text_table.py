"""Delimited text, streamed as columns of text; a row that does not fit is told by its number."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from csv import reader as csv_reader
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv

from biolake.core.errors import SourceUnreadable
from biolake.core.reading import Reject, SourceFile

MISSING = (
    "", "NA", "N/A", "na", "NaN", "nan", "NULL", "null", "None", ".",
    "[Not Available]", "[Not Applicable]", "[Unknown]", "[Not Evaluated]", "[Pending]",
    "[Discrepancy]", "[Completed]",
)  # fmt: skip
BLOCK_BYTES = 8 << 20
LONGEST_HEADER = 64 << 20  # bytes: a million samples
# What a damaged or foreign file raises: Arrow's errors, Python's of gzip and of names not UTF-8.
BROKEN = (pa.ArrowException, OSError, EOFError, ValueError, zlib.error)


@dataclass(frozen=True)
class Header:
    """The names of a table's columns, and the lines that stand before its first record."""

    names: tuple[str, ...]
    comments: tuple[str, ...]  # lines that begin with '#', without it
    delimiter: str
    lines: int  # comments and the header itself


@dataclass(frozen=True)
class Rows:
    """A run of records: `numbers` are their lines in the file; columns are text, null = missing."""

    numbers: np.ndarray
    columns: list[pa.Array]


@dataclass
class TextTable:
    """One delimited file. After `blocks` has been read through, `ragged` holds what did not fit."""

    file: SourceFile
    header: Header
    ragged: list[Reject] = field(default_factory=list)

    def blocks(self, block_bytes: int = BLOCK_BYTES) -> Iterator[Rows]:
        """Yield runs of records; a damaged file is refused by name."""
        following = self.header.lines + 1
        done = 0
        try:
            with _Utf8(self.file) as stream, self._reader(stream, block_bytes) as reader:
                for batch in reader:
                    bad = [reject.row for reject in self.ragged[done:]]
                    numbers = np.arange(following, following + batch.num_rows + len(bad))
                    numbers = numbers[~np.isin(numbers, bad)][: batch.num_rows]
                    if len(numbers):
                        following = int(numbers[-1]) + 1
                        done = sum(reject.row < following for reject in self.ragged)
                        yield Rows(numbers, batch.columns)
        except BROKEN:
            raise damaged(self.file) from None

    def _reader(self, stream: _Utf8, block_bytes: int) -> csv.CSVStreamingReader:
        names = [str(number) for number in range(len(self.header.names))]
        return csv.open_csv(
            stream,
            csv.ReadOptions(
                use_threads=False,
                block_size=block_bytes,
                skip_rows=self.header.lines,
                column_names=names,
            ),
            csv.ParseOptions(
                delimiter=self.header.delimiter,
                quote_char=False if self.header.delimiter == "\t" else '"',
                ignore_empty_lines=False,
                invalid_row_handler=self._ragged,
            ),
            csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=list(MISSING),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )

    def _ragged(self, row: csv.InvalidRow) -> str:
        found, wanted = row.actual_columns, row.expected_columns
        # Arrow counts the lines it was given from the first it did not skip.
        self.ragged.append(Reject(int(row.number), "", f"{found} columns, the header has {wanted}"))
        return "skip"


def open_table(file: SourceFile, delimiter: str = "") -> TextTable:
    """Read the header of a file; the delimiter is a tab where the header has one, else a comma."""
    comments: list[str] = []
    try:
        with gzip.open(file.path, "rb") if zipped(file) else file.path.open("rb") as stream:
            while (line := stream.readline(LONGEST_HEADER)).startswith(b"#"):
                comments.append(_text(line[1:]))
    except BROKEN:
        raise damaged(file) from None
    try:
        header = _text(line)
    except UnicodeDecodeError:
        raise SourceUnreadable("not UTF-8 text", where=file.name) from None
    if not header:
        raise SourceUnreadable("the file has no header line", where=file.name)
    delimiter = delimiter or ("\t" if "\t" in header else ",")
    cells = header.split(delimiter) if delimiter == "\t" else next(csv_reader([header]))
    names = tuple(name.strip() for name in cells)
    return TextTable(file, Header(names, tuple(comments), delimiter, len(comments) + 1))


def refuse_twins(table: TextTable) -> None:
    """Refuse a header with a name that stands twice: one column would hide the other."""
    names = [name for name in table.header.names if name]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SourceUnreadable(f"two columns are named '{twice}'", where=table.file.name)


def damaged(file: SourceFile) -> SourceUnreadable:
    return SourceUnreadable("not a whole table of UTF-8 text", where=file.name)


def zipped(file: SourceFile) -> bool:
    return file.path.suffix == ".gz"


class _Utf8(io.RawIOBase):
    """The bytes of a file, unzipped, checked to be UTF-8: Arrow would lose a foreign line."""

    def __init__(self, file: SourceFile) -> None:
        super().__init__()
        kind = "gzip" if zipped(file) else None
        self._inner = pa.input_stream(str(file.path), compression=kind)
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._inner.read(size if size >= 0 else None)
        self._decoder.decode(data, final=not data)
        return data

    def close(self) -> None:
        self._inner.close()
        super().close()


def _text(line: bytes) -> str:
    return line.decode("utf-8-sig").rstrip("\r\n")

"""The records of a delimited text file, counted from its bytes, independent of any parser."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from biolake.core.errors import SourceUnreadable
from biolake.core.reading import SourceFile

BLOCK = 4 << 20
# The parser rejects a longer record by itself up to a point; past this one it loses it.
LONGEST_RECORD = 8 << 20
_NEWLINE, _RETURN, _SPACE = 10, 13, 32


@dataclass
class RecordCount:
    """What a file holds: records after the header, and blank lines (by line, header = 1)."""

    records: int = 0
    size: int = 0
    blank_lines: list[np.ndarray] = field(default_factory=list)

    def record_of_line(self, lines: np.ndarray) -> np.ndarray:
        """Turn line numbers (a record of many lines counted once) into record numbers."""
        blanks = np.concatenate([np.zeros(0, np.int64), *self.blank_lines])
        return lines - np.searchsorted(blanks, lines)


def blocks_of(file: SourceFile, size: int = BLOCK) -> Iterator[bytes]:
    """Yield the bytes of a file; a .gz is unpacked and its checksums are verified."""
    with file.path.open("rb") as handle:
        if not file.name.lower().endswith(".gz"):
            while block := handle.read(size):
                yield block
            return
        yield from _unpacked(handle.read, file.name, size)


def _unpacked(read: Callable[[int], bytes], name: str, size: int) -> Iterator[bytes]:
    engine, packed, begun = zlib.decompressobj(31), b"", False
    try:
        while True:
            packed = packed or read(1 << 20)
            if not packed:
                break
            begun = True
            yield engine.decompress(packed, size)
            packed = engine.unconsumed_tail
            if engine.eof:
                packed = engine.unused_data.lstrip(b"\0") or read(1 << 20)
                begun = False
                engine = zlib.decompressobj(31)
    except zlib.error:
        raise SourceUnreadable("the gzip data are damaged", where=name) from None
    if begun:
        raise SourceUnreadable("the gzip data are cut short", where=name)


def count_lines(file: SourceFile, longest: int) -> RecordCount:
    """Count the lines of a file without a header; one that is too long is refused."""
    lines = size = rest = 0
    for block in blocks_of(file):
        size += len(block)
        lines += block.count(b"\n")
        cut = block.rfind(b"\n") + 1
        rest = len(block) - cut + (0 if cut else rest)
        if rest > longest:
            raise SourceUnreadable(
                f"line {lines + 1} is longer than {longest >> 20} MB", where=file.name
            )
    return RecordCount(lines + (rest > 0), size)


def count_records(
    file: SourceFile, delimiter: str, quote: str, columns: int, longest: int = LONGEST_RECORD
) -> RecordCount:
    """Count the records of a file in one pass over its bytes; refuse a file that ends mid-quote."""
    scan: _Scan | None = None
    size = 0
    for block in blocks_of(file):
        size += len(block)
        if scan is None:
            scan = _Scan(file.name, ord(delimiter), ord(quote), _newline_of(block), longest)
        scan.feed(block)
    if scan is None:
        raise SourceUnreadable("the file is empty, without even a header", where=file.name)
    scan.finish()
    blanks = scan.blanks if columns > 1 else []
    empty = sum(len(numbers) for numbers in blanks)
    return RecordCount(max(scan.lines - empty - 1, 0), size, blanks)


def _newline_of(block: bytes) -> int:
    return _NEWLINE if b"\n" in block or b"\r" not in block else _RETURN


class _Scan:
    """Finds where records end; works on pieces that end at a line end, so neighbours are known."""

    def __init__(self, name: str, delimiter: int, quote: int, newline: int, longest: int) -> None:
        self._name, self._delimiter, self._quote, self._newline = name, delimiter, quote, newline
        self._line_end, self._longest = bytes([newline]), longest
        self._rest = b""
        self._inside = False
        self._pending = 0
        self._pending_lines = 0
        self.lines = 0
        self.blanks: list[np.ndarray] = []

    def feed(self, block: bytes) -> None:
        cut = block.rfind(self._line_end) + 1
        if cut:
            self._piece(self._rest + block[:cut])
            self._rest = block[cut:]
        else:
            self._rest += block
        self._check_length(self._pending + len(self._rest))

    def finish(self) -> None:
        if self._rest:
            self._piece(self._rest + self._line_end)
        if self._inside:
            if self._pending_lines > 1:
                raise SourceUnreadable(
                    f"a quote opened in line {self.lines + 1} (multi-line records counted once)"
                    " is never closed",
                    where=self._name,
                    next="The file is cut short, or a quote is missing there.",
                )
            self.lines += 1

    def _check_length(self, length: int) -> None:
        if length > self._longest:
            raise SourceUnreadable(
                f"the record in line {self.lines + 1} (multi-line records counted once)"
                f" is longer than {self._longest >> 20} MB",
                where=self._name,
                next="A quote may be open there, or the file is no text table.",
            )

    def _piece(self, piece: bytes) -> None:
        has_quote = self._quote in piece
        if not has_quote and not self._inside and not self._may_have_blanks(piece):
            self.lines += piece.count(self._line_end)
            return
        data = np.frombuffer(piece, np.uint8)
        newlines = np.flatnonzero(data == self._newline)
        was_inside, ends = self._inside, newlines
        if has_quote:
            ends = self._outside(piece, data, newlines)
        elif was_inside:
            ends = newlines[:0]
        self._note_blanks(data, ends, was_inside)
        self.lines += len(ends)
        self._carry(piece, newlines, ends)

    def _carry(self, piece: bytes, newlines: np.ndarray, ends: np.ndarray) -> None:
        if not self._inside:
            self._pending = self._pending_lines = 0
            return
        last = int(ends[-1]) + 1 if len(ends) else 0
        fresh = len(ends) > 0
        self._pending = (0 if fresh else self._pending) + len(piece) - last
        inner = len(newlines) - int(np.searchsorted(newlines, last))
        self._pending_lines = (0 if fresh else self._pending_lines) + inner

    def _may_have_blanks(self, piece: bytes) -> bool:
        end = self._line_end
        starts = piece.startswith((end, b"\r" + end))
        return starts or end + end in piece or end + b"\r" + end in piece

    def _note_blanks(self, data: np.ndarray, ends: np.ndarray, was_inside: bool) -> None:
        if not len(ends):
            return
        starts = np.concatenate([[-2 if was_inside else 0], ends[:-1] + 1])
        length = ends - starts
        blank = (length == 0) | ((length == 1) & (data[starts] == _RETURN))
        if blank.any():
            self.blanks.append(self.lines + 1 + np.flatnonzero(blank))

    def _outside(self, piece: bytes, data: np.ndarray, newlines: np.ndarray) -> np.ndarray:
        """Return the line ends outside quotes, and note whether the piece ends inside."""
        quotes = np.flatnonzero(data == self._quote)
        if self._well_formed(data, quotes):
            before = np.searchsorted(quotes, newlines) + int(self._inside)
            self._inside = bool((len(quotes) + int(self._inside)) % 2)
            outside: np.ndarray = newlines[before % 2 == 0]
            return outside
        opened, closed = self._spans(piece, quotes.tolist())
        inside = np.searchsorted(opened, newlines) > np.searchsorted(closed, newlines)
        ends: np.ndarray = newlines[~inside]
        return ends

    def _well_formed(self, data: np.ndarray, quotes: np.ndarray) -> bool:
        """Say whether every quote opens at a field's start, closes at its end, or is doubled."""
        first = int(self._inside)
        opening, closing = quotes[first::2], quotes[1 - first :: 2]
        before = data[opening[opening > 0] - 1]
        after = data[closing[closing < len(data) - 1] + 1]
        common = (self._delimiter, self._newline, self._quote)
        return bool(np.isin(before, common).all() and np.isin(after, (*common, _RETURN)).all())

    def _spans(self, piece: bytes, quotes: list[int]) -> tuple[list[int], list[int]]:
        """Follow the quotes one by one: a quote inside an unquoted value is only a character."""
        opened, closed = ([-1], []) if self._inside else ([], [])
        inside = self._inside
        for at in quotes:
            if inside:
                closed.append(at)
                inside = False
            elif closed and closed[-1] == at - 1:
                closed.pop()
                inside = True
            elif self._starts_field(piece, at):
                opened.append(at)
                inside = True
        self._inside = inside
        return opened, closed

    def _starts_field(self, piece: bytes, at: int) -> bool:
        at -= 1
        while at >= 0 and piece[at] == _SPACE:
            at -= 1
        return at < 0 or piece[at] in (self._delimiter, self._newline)

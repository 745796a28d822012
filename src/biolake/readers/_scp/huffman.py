"""Huffman coded samples: the standard's default table and the ones a file brings."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from biolake.core.errors import SourceUnreadable

DEFAULT_TABLES = 19_999  # the number of tables that stands for the standard's own
_MOST_TABLES, _MOST_CODES = 64, 1_024
_LONGEST_PREFIX, _LONGEST_LITERAL = 16, 32


@dataclass(frozen=True)
class Code:
    """One code: its first bits, and what follows them.

    With `literal` bits the sample itself comes after the prefix; a code that `switches` names the
    table to go on with instead of a sample.
    """

    prefix: str  # as it stands in the stream: "1100"
    value: int
    literal: int = 0
    switches: bool = False


def default_table() -> tuple[Code, ...]:
    """Return the table of EN 1064, annex C: differences of ±8, then literals of 8 and 16 bits."""
    codes = [Code("0", 0)]
    for size in range(1, 9):
        ones = "1" * size
        codes += [Code(f"{ones}00", size), Code(f"{ones}01", -size)]
    return (*codes, Code("1" * 9 + "0", 0, 8), Code("1" * 10, 0, 16))


def read_tables(body: bytes) -> tuple[tuple[Code, ...], ...]:
    """Read section 2: the default table, or the file's own; a code's first bit is its lowest."""
    if len(body) < 2:
        raise SourceUnreadable("section 2 (Huffman tables) is cut short")
    (count,) = struct.unpack_from("<H", body)
    if count == DEFAULT_TABLES:
        return (default_table(),)
    if not 1 <= count <= _MOST_TABLES:
        raise SourceUnreadable("section 2 announces an impossible number of Huffman tables")
    tables, at = [], 2
    for _ in range(count):
        codes, at = _table(body, at)
        tables.append(codes)
    if any(c.switches and not 1 <= c.value <= count for codes in tables for c in codes):
        raise SourceUnreadable("a Huffman code switches to a table that is not there")
    return tuple(tables)


def _table(body: bytes, at: int) -> tuple[tuple[Code, ...], int]:
    if at + 2 > len(body):
        raise SourceUnreadable("section 2 (Huffman tables) is cut short")
    (count,) = struct.unpack_from("<H", body, at)
    at += 2
    if not 1 <= count <= _MOST_CODES or at + 9 * count > len(body):
        raise SourceUnreadable("a Huffman table has an impossible number of codes")
    codes = []
    for number in range(count):
        bits, total, mode, value, code = struct.unpack_from("<BBBhI", body, at + 9 * number)
        literal = total - bits
        if not (1 <= bits <= _LONGEST_PREFIX and 0 <= literal <= _LONGEST_LITERAL and mode < 2):
            raise SourceUnreadable("a Huffman table has an impossible code")
        if literal and (mode == 0 or value):
            raise SourceUnreadable("a Huffman code with both a value and a literal is not read")
        prefix = f"{code & ((1 << bits) - 1):0{bits}b}"[::-1]
        codes.append(Code(prefix, value, literal, mode == 0))
    return tuple(codes), at + 9 * count


class Decoder:
    """Turns the bits of one lead into whole numbers."""

    def __init__(self, tables: tuple[tuple[Code, ...], ...]):
        self.tables = [_lookup(codes) for codes in tables]

    def decode(self, data: bytes, count: int) -> list[int]:
        """Return `count` numbers; the bits of each byte come highest first."""
        if count > 8 * len(data):
            raise SourceUnreadable("a lead has more samples than its bytes can hold")
        numbers: list[int] = []
        width, table = self.tables[0]
        bits, held, at, end = 0, 0, 0, len(data)
        while len(numbers) < count:
            while held < width + _LONGEST_LITERAL and at < end:
                bits = (bits << 8) | data[at]
                held, at = held + 8, at + 1
            peek = bits >> (held - width) if held >= width else bits << (width - held)
            code = table[peek]
            if code is None:
                raise SourceUnreadable("a lead holds bits that are no Huffman code")
            used = len(code.prefix) + code.literal
            if used > held:
                raise SourceUnreadable("a lead's bits end before its last sample")
            held -= used
            if code.switches:
                width, table = self.tables[code.value - 1]
            else:
                numbers.append(_literal(bits >> held, code.literal) if code.literal else code.value)
            bits &= (1 << held) - 1
        return numbers


def _literal(bits: int, width: int) -> int:
    value = bits & ((1 << width) - 1)
    return value - (1 << width) if value >> (width - 1) else value


def _lookup(codes: tuple[Code, ...]) -> tuple[int, list[Code | None]]:
    """Return for every run of bits as long as the longest prefix the code it begins with."""
    width = max(len(code.prefix) for code in codes)
    table: list[Code | None] = [None] * (1 << width)
    for code in codes:
        free = width - len(code.prefix)
        first = int(code.prefix, 2) << free
        if any(table[first : first + (1 << free)]):
            raise SourceUnreadable("two Huffman codes begin alike")
        table[first : first + (1 << free)] = [code] * (1 << free)
    return width, table

"""The characters of a text file: which encoding its bytes are in, decided only where it is sure.

Rules in this order: a byte order mark; UTF-16 told by its zero bytes; ISO-2022-JP told by its
escapes; strict UTF-8; then, by which characters the bytes would be, GB18030, Shift-JIS, EUC-JP and
Windows-1252 (of which Latin-1 is a part). Where two could be meant, the text is refused: a wrong
letter in a name of a drug is worse than a note that must be saved anew.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

import numpy as np

from biolake.core.errors import SourceUnreadable

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UTF8 = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}", re.DOTALL
)
_JAPANESE = re.compile(rb"\x1b\$[@B]|\x1b\([BJ]")
# Symbols of Windows-1252 that never stand inside a word; ª º µ and the apostrophe may.
_SYMBOLS = re.compile(
    r"(?<=[a-z])[\u00a1-\u00a9\u00ab\u00ac\u00ae-\u00b4\u00b6-\u00b9\u00bb-\u00bf](?=[a-z])"
    r"|(?<=[a-z])[\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u20ac\u2030\u02c6\u02dc](?=[a-z])",
)
_CONTROLS = re.compile(r"[\x01-\x08\x0e-\x19\x1c-\x1f\x7f-\x84\x86-\x9f]")
_BEYOND = re.compile(r"[\u0080-\U0010ffff]+")
_SAVE = "Save it as UTF-8 and load it again."
_MOSTLY = 0.6  # of the bytes beyond ASCII: what is meant as UTF-8
_SAMPLE = 1 << 20
_SHORTEST = 16  # bytes that tell UTF-16


@dataclass(frozen=True)
class Decoded:
    """A text and the encoding its bytes are in, as Python calls it."""

    text: str
    encoding: str


def decode(data: bytes, declared: str = "") -> Decoded:
    """Return the text of some bytes, all of it and as it is but for a byte order mark.

    Line ends are kept. `declared` is the encoding that the sender states: it must fit. Raises
    `SourceUnreadable` where the bytes are no text, or in an encoding that is not sure; the message
    tells no character of it.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _checked(_strict(data[len(mark) :], name), name)
    if declared:
        name = _known(declared)
        return _checked(_strict(data, name), name)
    name = _detect(data)
    return _checked(_strict(data, name), name)


def _known(declared: str) -> str:
    try:
        name = codecs.lookup(declared).name
        "".encode(name)
    except LookupError:
        raise SourceUnreadable("an encoding that nobody knows is stated", next=_SAVE) from None
    # Who says Latin-1 mostly writes Windows-1252, as the WHATWG encoding standard has it.
    return "cp1252" if name in ("iso8859-1", "ascii") else name


def _strict(data: bytes, name: str) -> str:
    try:
        return data.decode(name)
    except UnicodeDecodeError as error:
        raise SourceUnreadable(f"a byte at {error.start} is no {name} text", next=_SAVE) from None


def _checked(text: str, name: str) -> Decoded:
    """Refuse what decodes and is no text all the same."""
    if "\0" in text:
        raise SourceUnreadable("it holds zero bytes: it is no text", next=_SAVE)
    controls = len(_CONTROLS.findall(text, 0, _SAMPLE))
    if controls > 2 and controls * 100 > min(len(text), _SAMPLE):
        raise SourceUnreadable("it is full of control characters: it is no text", next=_SAVE)
    return Decoded(text, name)


def _detect(data: bytes) -> str:
    if b"\0" in data:
        return _wide(data)
    if data.isascii():
        return "iso2022_jp" if _JAPANESE.search(data) else "utf-8"
    try:
        data.decode()
    except UnicodeDecodeError:
        return _legacy(data)
    return "utf-8"


def _wide(data: bytes) -> str:
    """Tell UTF-16 without a mark by where its zero bytes are; other zero bytes are no text."""
    if len(data) % 2 == 0 and len(data) >= _SHORTEST:
        zeros = np.frombuffer(data[:_SAMPLE], np.uint8) == 0
        even, odd = zeros[::2].mean(), zeros[1::2].mean()
        if odd > 0.3 and even < 0.01:
            return "utf-16-le"
        if even > 0.3 and odd < 0.01:
            return "utf-16-be"
    raise SourceUnreadable("it holds zero bytes: it is no text", next=_SAVE)


def _legacy(data: bytes) -> str:
    """Choose among the encodings from before Unicode; refuse what is none of them for sure."""
    high = sum(byte > 127 for byte in data[:_SAMPLE])
    whole = sum(map(len, _UTF8.findall(data[:_SAMPLE])))
    fits = [name for name, test in _TESTS if _fits(data, name, test)]
    if len(fits) == 1:
        return fits[0]
    if whole > _MOSTLY * high:
        raise SourceUnreadable("it is UTF-8 with damaged or foreign bytes in it", next=_SAVE)
    raise SourceUnreadable("its encoding is not sure", next=_SAVE)


def _fits(data: bytes, name: str, test: re.Pattern[str]) -> bool:
    """Say whether the bytes are text in an encoding, nearly all of it of its own characters."""
    try:
        text = data.decode(name)
    except UnicodeDecodeError:
        return False
    beyond = [letter for letter in text[:_SAMPLE] if letter > "\x7f"]
    own = sum(map(len, test.findall("".join(beyond))))
    if not beyond or own < 0.9 * len(beyond) or _CONTROLS.search(text, 0, _SAMPLE):
        return False
    runs = [len(run) for run in _BEYOND.findall(text[:_SAMPLE])]
    if name == "cp1252":
        return sum(run <= 2 for run in runs) >= 0.9 * len(runs) and _is_western(text, len(runs))
    return sum(runs) >= 2 * len(runs) and _is_common(text, name)


def _is_western(text: str, runs: int) -> bool:
    """Say whether the letters with marks stand as in a western language: within plain words."""
    sample = text[:_SAMPLE]
    plain = sum(letter.isascii() and letter.isalpha() for letter in sample)
    odd = len(_SYMBOLS.findall(sample.lower()))
    return odd * 20 <= runs and plain >= 2 * runs


def _is_common(text: str, name: str) -> bool:
    """Say whether East Asian text holds what such text always holds.

    Of Chinese, nine in ten characters are among the 3,755 of level 1 of GB 2312 (lead bytes B0 to
    D7); Japanese has one kana in five characters at least.
    """
    letters = [x for x in text[:_SAMPLE] if "\u3041" <= x <= "\u30fe" or "\u4e00" <= x <= "\u9fff"]
    if len(letters) < 2:
        return False
    kana = sum(letter < "\u3100" for letter in letters)
    if name != "gb18030":
        return kana * 5 >= len(letters)
    leads = np.frombuffer("".join(letters).encode(name, "ignore")[::2], np.uint8)
    level1 = int(((leads >= 0xB0) & (leads <= 0xD7)).sum())
    return kana * 5 < len(letters) and level1 >= 0.8 * len(letters)


_EAST = re.compile(
    r"[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef\u2000-\u22ff\u2460-\u24ff°±×÷μα-ωΑ-Ω]+"
)
_WEST = re.compile(
    r"[\u00a0-\u00ff\u2013\u2014\u2018-\u201e\u2020\u2022\u2026\u2030\u20ac\u2122\u0152\u0153\u2039\u203a]+"
)
_TESTS = (
    ("gb18030", _EAST), ("cp932", _EAST), ("euc_jp", _EAST), ("cp1252", _WEST),
)  # fmt: skip

"""WFDB annotation files in MIT format: beats, rhythms and notes with their times.

Source: WFDB Applications Guide, annot(5); codes of ecgcodes.h.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from biolake.core.errors import SourceUnreadable
from biolake.core.media import Annotation

_SKIP, _NUM, _SUB, _CHN, _AUX = 59, 60, 61, 62, 63
_NOTE = 22
LAST_CODE = 49
_FREE_CODES = range(42, 50)
SYMBOLS = MappingProxyType(
    dict(enumerate("NLRaVFJASEj/Q~", 1))
    | dict(enumerate("|", 16))
    | dict(enumerate('sT*D"=pB^t+u?![]en@xf()r', 18))
)
_RESOLUTION = re.compile(r"## time resolution: (\d+\.?\d*)")
_DEFINITION = re.compile(r"(\d{1,2}) (\S+)(?: (.*))?")
_OPENS, _CLOSES = "## annotation type definitions", "## end of definitions"


@dataclass(frozen=True)
class Marks:
    """An annotation file decoded: one entry a mark, in the order of the file.

    `at` counts samples of `rate` (or of the record's frames where `rate` is None); `texts` lists
    (mark, text) of those that carry one; `symbols` are the file's own names of codes.
    """

    at: np.ndarray
    codes: np.ndarray
    subtypes: np.ndarray
    channels: np.ndarray
    numbers: np.ndarray
    texts: tuple[tuple[int, str], ...]
    rate: float | None
    symbols: dict[int, str]


def read_marks(content: bytes) -> Marks:
    """Decode an annotation file; definitions at time 0 are taken in and left out of the marks.

    Raises `SourceUnreadable` when the file is no annotation file or has lost its end.
    """
    if not content:
        raise SourceUnreadable("the annotation file is empty")
    words = np.frombuffer(content, "<u2", len(content) // 2)
    codes = (words >> 10).astype(np.int64)
    values = (words & 0x3FF).astype(np.int64)
    payload, skips, notes = _walk(words, codes, values)
    ends = np.flatnonzero((words == 0) & ~payload)
    if not len(ends) or len(content) % 2 or words[ends[0] :].any():
        raise SourceUnreadable("the annotation file is cut short, or is none")
    return _marks(codes[: ends[0]], values[: ends[0]], payload[: ends[0]], skips, notes, content)


def in_seconds(marks: Marks, frame_rate: float) -> tuple[Annotation, ...]:
    """Return the marks in seconds after the record's start, with their symbols and texts."""
    rate = marks.rate or frame_rate
    texts = dict(marks.texts)
    names = {**SYMBOLS, **marks.symbols}
    pairs = zip((marks.at / rate).tolist(), marks.codes.tolist(), strict=True)
    return tuple(
        Annotation(at, names.get(code) or f"[{code}]", texts.get(i, ""))
        for i, (at, code) in enumerate(pairs)
    )


_Skips = list[tuple[int, int]]  # word, samples
_Notes = list[tuple[int, int]]  # word, bytes


def _walk(
    words: np.ndarray, codes: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, _Skips, _Notes]:
    """Return which words are text or numbers, not codes, and the skips and notes they belong to."""
    payload = np.zeros(len(words), np.bool_)
    skips: _Skips = []
    notes: _Notes = []
    after = 0
    for at in np.flatnonzero((codes == _SKIP) | (codes == _AUX)).tolist():
        if at < after:
            continue
        if codes[at] == _SKIP:
            after = at + 3
            if after <= len(words):
                long = int(words[at + 1]) << 16 | int(words[at + 2])
                skips.append((at, long - (1 << 32) if long >> 31 else long))
        else:
            length = int(values[at]) & 0xFF
            after = at + 1 + (length + 1) // 2
            notes.append((at, length))
        payload[at + 1 : after] = True
    return payload, skips, notes


def _marks(
    codes: np.ndarray,
    values: np.ndarray,
    payload: np.ndarray,
    skips: _Skips,
    notes: _Notes,
    content: bytes,
) -> Marks:
    codes = np.where(payload, _SKIP, codes)  # no mark either
    is_mark = codes < _SKIP
    steps = np.where(is_mark, values, 0)
    for word, samples in skips:
        if word < len(steps):
            steps[word] = samples
    places = np.flatnonzero(is_mark)
    owner = np.cumsum(is_mark) - 1
    if np.any((owner < 0) & (codes > _SKIP)):
        raise SourceUnreadable("the annotation file starts with a field of no annotation")
    raw = [
        (int(owner[word]), content[2 * word + 2 : 2 * word + 2 + length])
        for word, length in notes
        if word < len(codes)
    ]
    signed = (values & 0xFF).astype(np.uint8).view(np.int8)
    whole = Marks(
        np.cumsum(steps)[places],
        codes[places],
        _field(codes == _SUB, owner, signed, len(places), carried=False),
        _field(codes == _CHN, owner, values & 0xFF, len(places), carried=True),
        _field(codes == _NUM, owner, signed, len(places), carried=True),
        tuple((mark, _text(found)) for mark, found in raw),
        None,
        {},
    )
    return _without_definitions(whole)


def _field(
    given: np.ndarray, owner: np.ndarray, values: np.ndarray, marks: int, *, carried: bool
) -> np.ndarray:
    """Return one value a mark; channel and number hold until another is given."""
    found = np.zeros(marks, np.int64)
    words = np.flatnonzero(given)
    if len(words):
        found[owner[words]] = values[words]
        if carried:
            last = np.full(marks, -1)
            last[owner[words]] = owner[words]
            last = np.maximum.accumulate(last)
            found = np.where(last >= 0, found[last], 0)
    return found


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8").rstrip("\0")
    except UnicodeDecodeError:
        return raw.decode("latin-1").rstrip("\0")


def _without_definitions(marks: Marks) -> Marks:
    """Take the notes that define the file itself, and what is no annotation, out of the marks."""
    rate: float | None = None
    symbols: dict[int, str] = {}
    defining: list[int] = []
    opened = False
    for mark, text in _leading_notes(marks):
        if text.startswith("## "):
            opened = text == _OPENS or (opened and text != _CLOSES)
            if found := _RESOLUTION.match(text):
                rate = _rate(found[1])
        elif (named := _DEFINITION.fullmatch(text.strip())) and (
            opened or int(named[1]) in _FREE_CODES  # the older way: a note alone, for a free code
        ):
            symbols[int(named[1])] = named[2]
        elif not opened:
            continue
        defining.append(mark)
    keep = marks.codes != 0
    keep[defining] = False
    if keep.all():
        return marks
    moved = np.cumsum(keep) - 1
    texts = tuple((int(moved[mark]), text) for mark, text in marks.texts if keep[mark])
    return Marks(
        marks.at[keep],
        marks.codes[keep],
        marks.subtypes[keep],
        marks.channels[keep],
        marks.numbers[keep],
        texts,
        rate,
        symbols,
    )


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 < rate < 1e9:
        raise SourceUnreadable("the annotation file's time resolution is not above 0")
    return rate


def _leading_notes(marks: Marks) -> Iterator[tuple[int, str]]:
    for mark, text in marks.texts:
        if marks.at[mark] != 0 or marks.codes[mark] != _NOTE:
            return
        yield mark, text

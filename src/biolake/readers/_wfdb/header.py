"""WFDB headers: the text file that says how a record's samples are stored.

Source: WFDB Applications Guide, header(5) and signal(5).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, TypeVar

from biolake.core.errors import SourceUnreadable

DEFAULT_RATE, DEFAULT_GAIN, DEFAULT_UNIT = 250.0, 200.0, "mV"
FORMATS = frozenset((0, 8, 16, 24, 32, 61, 80, 160, 212, 310, 311, 508, 516, 524))
ABSENT = "~"  # names the missing file of a layout header, and a segment that is a gap
MOST_BYTES = 32 << 20
UNCALIBRATED = "[arb'U]"

_FORMAT = re.compile(r"(\d{1,4})(?:x(\d{1,6}))?(?::(\d{1,9}))?(?:\+(\d{1,18}))?")
_GAIN = re.compile(
    r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?)?(?:\(([-+]?\d{1,18})\))?(?:/(\S+))?"
)
_RATE = re.compile(
    r"((?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?)"
    r"(?:/(-?(?:\d+\.?\d*|\.\d+))(?:\((-?(?:\d+\.?\d*|\.\d+))\))?)?"
)
_NAME = re.compile(r"([^\s/]+)(?:/(\d{1,9}))?")
_WHOLE = re.compile(r"[-+]?\d{1,18}", re.ASCII)
_T = TypeVar("_T")


class SignalLine(NamedTuple):
    """How one signal is stored; `checksum` and `initial` are None where the header gives none."""

    file: str
    format: int
    per_frame: int
    skew: int
    offset: int
    gain: float
    baseline: int
    unit: str
    resolution: int | None
    zero: int | None
    initial: int | None
    checksum: int | None
    name: str


class Segment(NamedTuple):
    """A part of a multi-segment record: another record of so many frames, or a gap (`~`)."""

    name: str
    frames: int


class Header(NamedTuple):
    """One header file. `rate` is in frames a second; `frames` is None where not given."""

    name: str
    rate: float
    frames: int | None
    signals: tuple[SignalLine, ...]
    segments: tuple[Segment, ...]
    channels: int
    base_time: str
    base_date: str
    counter_rate: float | None
    base_counter: float | None
    comments: tuple[str, ...]


def read_header(content: bytes) -> Header:
    """Read a header file.

    Raises `SourceUnreadable` naming the line at fault; the message tells none of its text.
    """
    if not content.strip():
        raise SourceUnreadable("the header is empty")
    if len(content) > MOST_BYTES:
        raise SourceUnreadable("the header is larger than 32 MiB")
    lines, comments = _lines(content)
    if not lines:
        raise SourceUnreadable("the header has comments only")
    number, record = lines[0]
    head = _line(number, _record_line, record)
    wanted = head.segments_given if head.segments_given is not None else head.channels
    if len(lines) - 1 != wanted:
        what = "signals" if head.segments_given is None else "segments"
        raise SourceUnreadable(
            f"the header announces {wanted} {what} and lists {len(lines) - 1}",
            where=f"line {number}",
        )
    multi = head.segments_given is not None
    return Header(
        head.name,
        head.rate,
        head.frames,
        () if multi else tuple(_line(n, _signal_line, text) for n, text in lines[1:]),
        tuple(_line(n, _segment_line, text) for n, text in lines[1:]) if multi else (),
        head.channels,
        head.base_time,
        head.base_date,
        head.counter_rate,
        head.base_counter,
        comments,
    )


def _lines(content: bytes) -> tuple[list[tuple[int, str]], tuple[str, ...]]:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    lines: list[tuple[int, str]] = []
    comments: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if line.startswith("#"):
            comments.append(line.strip(" \t#"))
        elif line:
            lines.append((number, line))
    return lines, tuple(comments)


def _line(number: int, parse: Callable[[str], _T], text: str) -> _T:
    try:
        return parse(text)
    except ValueError as error:
        raise SourceUnreadable(str(error), where=f"line {number}") from None


class _RecordLine(NamedTuple):
    name: str
    segments_given: int | None
    channels: int
    rate: float
    counter_rate: float | None
    base_counter: float | None
    frames: int | None
    base_time: str
    base_date: str


def _record_line(text: str) -> _RecordLine:
    words = text.split()
    named = _NAME.fullmatch(words[0])
    if named is None or len(words) < 2 or not words[1].isdecimal() or len(words[1]) > 9:
        raise ValueError("the first line is not a record's name and its number of signals")
    segments = None if named[2] is None else int(named[2])
    if segments == 0:
        raise ValueError("the record has 0 segments")
    rate, counter_rate, base_counter = _rates(words[2] if len(words) > 2 else "")
    frames = _whole(words[3], "the number of samples") if len(words) > 3 else 0
    if frames < 0:
        raise ValueError("the number of samples is negative")
    return _RecordLine(
        named[1],
        segments,
        int(words[1]),
        rate,
        counter_rate,
        base_counter,
        frames or None,
        words[4] if len(words) > 4 else "",
        words[5] if len(words) > 5 else "",
    )


@lru_cache(maxsize=512)
def _rates(word: str) -> tuple[float, float | None, float | None]:
    if not word:
        return DEFAULT_RATE, None, None
    found = _RATE.fullmatch(word)
    rate = float(found[1]) if found else 0.0
    if found is None or not 0 < rate < 1e9:
        raise ValueError("the sampling frequency is not a number above 0")
    counter, base = (None if text is None else float(text) for text in found.group(2, 3))
    return rate, counter, base


def _signal_line(text: str) -> SignalLine:
    words = text.split(None, 8)
    if len(words) < 2:
        raise ValueError("a signal line has no storage format")
    gain, baseline, unit = _gain(words[2] if len(words) > 2 else "")
    numbers = _numbers(words[3:8])
    given: list[int | None] = [*numbers, None, None, None, None, None]
    if baseline is None:
        baseline = given[1] or 0
    initial = given[2]
    if initial is not None and not -(1 << 31) <= initial < 1 << 31:
        raise ValueError("the initial value does not fit 32 bits")
    if not -(1 << 53) <= baseline <= 1 << 53:
        raise ValueError("the baseline is beyond 53 bits")
    name = " ".join(words[3 + len(numbers) : 8]) if len(numbers) < 5 else ""
    if len(words) > 8:
        name = f"{name} {words[8]}".strip()
    file, stored = words[0], _format(words[1])
    return SignalLine(
        file, *stored, gain, baseline, unit, given[0], given[1], initial, given[3], name
    )


def _numbers(words: list[str]) -> list[int]:
    """Return the leading numbers: a description may follow when fields before it are left out."""
    found: list[int] = []
    for word in words:
        if not _WHOLE.fullmatch(word):
            break
        found.append(int(word))
    return found


@lru_cache(maxsize=4096)
def _format(word: str) -> tuple[int, int, int, int]:
    found = _FORMAT.fullmatch(word)
    if found is None:
        raise ValueError("the storage format is not written as FORMATxSAMPLES:SKEW+OFFSET")
    code, per_frame, skew, offset = (None if text is None else int(text) for text in found.groups())
    if code not in FORMATS:
        raise ValueError(f"storage format {code} is not one of WFDB's")
    if per_frame == 0:
        raise ValueError("a signal has 0 samples a frame")
    return code or 0, per_frame or 1, skew or 0, offset or 0


@lru_cache(maxsize=16384)
def _gain(word: str) -> tuple[float, int | None, str]:
    found = _GAIN.fullmatch(word)
    if found is None:
        raise ValueError("the gain is not written as GAIN(BASELINE)/UNITS")
    gain = float(found[1] or 0)
    if gain and not 1e-12 <= abs(gain) <= 1e12:
        raise ValueError("the gain is beyond 1e-12 to 1e12")
    # Gain 0 or none: the amplitude is not calibrated, and 200 stands in (header(5)).
    unit = found[3] or (DEFAULT_UNIT if gain else UNCALIBRATED)
    return gain or DEFAULT_GAIN, None if found[2] is None else int(found[2]), unit


def _segment_line(text: str) -> Segment:
    words = text.split()
    if len(words) < 2:
        raise ValueError("a segment line has no number of samples")
    frames = _whole(words[1], "a segment's number of samples")
    if frames < 0:
        raise ValueError("a segment's number of samples is negative")
    return Segment(words[0], frames)


def _whole(word: str, what: str) -> int:
    if not _WHOLE.fullmatch(word):
        raise ValueError(f"{what} is not a whole number")
    return int(word)

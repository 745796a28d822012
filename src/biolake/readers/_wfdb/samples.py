"""Samples of a single-segment record: as stored, and in physical units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from biolake.core.errors import SourceUnreadable
from biolake.readers._wfdb.formats import (
    COMPRESSED,
    INVALID,
    MOST_PER_BYTE,
    bytes_needed,
    decode,
    decode_flac,
    samples_held,
)
from biolake.readers._wfdb.header import Header, SignalLine

Read = Callable[[str], bytes]
_BLOCK = 1 << 14  # frames converted at a time, so that they stay in the processor's cache
_SHORT = 1 << 13  # frames up to which all signals together are faster than one after the other


class Digital(NamedTuple):
    """The stored numbers of each signal, and what their checksums say.

    `wrong` lists the signals (from 0) whose samples do not add up to the header's checksum;
    `checked` counts those that give one. `table` is frames × signals where the record is stored
    as one short table, one sample a frame and no skew: its columns are the samples.
    """

    samples: tuple[np.ndarray, ...]
    table: np.ndarray | None
    frames: int
    wrong: tuple[int, ...]
    checked: int


def groups(signals: Sequence[SignalLine]) -> list[tuple[int, int]]:
    """Return the runs of signals that share a signal file, as (first, one past the last).

    Raises `SourceUnreadable` when the lines of one file contradict each other.
    """
    runs: list[tuple[int, int]] = []
    seen: set[str] = set()
    first = 0
    for i in range(1, len(signals) + 1):
        if i < len(signals) and signals[i].file == signals[first].file:
            if (signals[i].format, signals[i].offset) != (
                signals[first].format,
                signals[first].offset,
            ):
                raise SourceUnreadable("the signals of one file have different formats or offsets")
            continue
        if signals[first].file in seen:
            raise SourceUnreadable("the signals of one file are not listed one after the other")
        seen.add(signals[first].file)
        runs.append((first, i))
        first = i
    return runs


def read_digital(header: Header, read: Read) -> Digital:
    """Return each signal's stored numbers, skew removed, without conversion.

    A signal of k samples a frame has k times as many numbers as the record has frames. What a
    skew leaves without a sample holds the format's number for a missing one.
    The sizes of the files have been checked (`segments.check_sizes`). Raises `SourceUnreadable`
    when a signal file is missing or not as described.
    """
    frames = header.frames
    stored: list[np.ndarray] = []
    table = None
    runs = groups(header.signals) if header.signals else []
    for first, stop in runs:
        lines = header.signals[first:stop]
        block = _frames(lines, read, frames)
        frames = len(block) if frames is None else frames
        if len(block) != frames:
            raise SourceUnreadable("the signal files of the record differ in length")
        if len(runs) == 1 and frames <= _SHORT and _is_table(lines):
            table = block
        stored += _split(block, lines)
    given, wrong = _checked(header.signals, stored, table)
    if table is None:
        stored = [_aligned(row, line) for row, line in zip(stored, header.signals, strict=True)]
    return Digital(tuple(stored), table, frames or 0, wrong, given)


def write_table(table: np.ndarray, lines: Sequence[SignalLine], rows: np.ndarray) -> None:
    """Write a table of samples as `write_physical` does, all signals together."""
    gain = np.array([line.gain for line in lines])
    baseline = np.array([float(line.baseline) for line in lines])
    block = max(1, _BLOCK // len(lines))
    for start in range(0, len(table), block):
        part = table[start : start + block]
        target = rows[:, start : start + block]
        shifted = np.subtract(part, baseline, dtype=np.float64)
        np.divide(shifted, gain, out=target.T, casting="same_kind")
        absent = part == INVALID[lines[0].format]
        if absent.any():
            target[absent.T] = np.nan


def write_physical(
    digital: Digital, lines: Sequence[SignalLine], rows: Sequence[np.ndarray]
) -> None:
    """Write each signal in its physical unit into its float32 row: (stored − baseline) / gain.

    Missing samples become NaN. The arithmetic is in double precision.
    """
    for samples, line, row in zip(digital.samples, lines, rows, strict=True):
        invalid = INVALID[line.format]
        for start in range(0, len(samples), _BLOCK):
            part = samples[start : start + _BLOCK]
            target = row[start : start + _BLOCK]
            shifted = np.subtract(part, line.baseline, dtype=np.float64)
            np.divide(shifted, line.gain, out=target, casting="same_kind")
            absent = part == invalid
            if absent.any():
                target[absent] = np.nan


def size_at_fault(signals: Sequence[SignalLine], frames: int | None, size: int) -> str:
    """Return why a signal file of so many bytes cannot hold these signals, or nothing.

    Compressed files tell their length only when they are read.
    """
    line = signals[0]
    if size == 0:
        return "is empty"
    if line.format in COMPRESSED:
        too_much = (frames or 0) * line.per_frame > size * MOST_PER_BYTE
        return "is too small for the length its header says" if too_much else ""
    needed = bytes_needed(line.format, (frames or 1) * sum(s.per_frame for s in signals))
    return "is shorter than its header says" if size < line.offset + needed else ""


def _frames(lines: Sequence[SignalLine], read: Read, frames: int | None) -> np.ndarray:
    """Return a signal file as frames × samples of a frame."""
    line = lines[0]
    content = read(line.file)
    if line.format in COMPRESSED:
        return _compressed(lines, content, frames)
    width = sum(s.per_frame for s in lines)
    held = memoryview(content)[line.offset :]
    if frames is None:
        frames = samples_held(line.format, len(held)) // width
    return decode(line.format, held, frames * width).reshape(frames, width)


def _compressed(lines: Sequence[SignalLine], content: bytes, frames: int | None) -> np.ndarray:
    each = lines[0].per_frame
    if any(line.per_frame != each for line in lines):
        raise SourceUnreadable("the signals of a FLAC file have different samples a frame")
    most = None if frames is None else frames * each
    found = decode_flac(lines[0].format, content, len(lines), lines[0].offset, most)
    whole = len(found) // each
    found = found[: whole * each].reshape(whole, each, len(lines))
    return found.transpose(0, 2, 1).reshape(whole, each * len(lines))


def _split(block: np.ndarray, lines: Sequence[SignalLine]) -> list[np.ndarray]:
    found = []
    at = 0
    for line in lines:
        samples = block[:, at : at + line.per_frame].reshape(-1)
        at += line.per_frame
        if line.format == 8:  # differences, from the initial value on
            samples = np.cumsum(samples, dtype=np.int32) + np.int32(line.initial or 0)
        found.append(samples)
    return found


def _is_table(lines: Sequence[SignalLine]) -> bool:
    if lines[0].format == 8:
        return False
    return not any(line.skew or line.per_frame != 1 for line in lines)


def _checked(
    lines: Sequence[SignalLine], stored: Sequence[np.ndarray], table: np.ndarray | None
) -> tuple[int, tuple[int, ...]]:
    """Return how many signals give a checksum, and which do not add up to it, modulo 65536."""
    given = [i for i, line in enumerate(lines) if line.checksum is not None]
    if table is not None:
        totals = np.add.reduce(table, axis=0, dtype=_summing(table)).tolist()
    else:
        totals = [int(np.add.reduce(row, dtype=_summing(row))) for row in stored]
    return len(given), tuple(i for i in given if (totals[i] - (lines[i].checksum or 0)) & 0xFFFF)


def _summing(samples: np.ndarray) -> np.dtype[Any]:
    """Return a type as wide as the samples: sums wrap at 16 or 32 bits, and 16 are compared."""
    return np.dtype(np.int32 if samples.dtype.itemsize == 4 else np.int16)


def _aligned(samples: np.ndarray, line: SignalLine) -> np.ndarray:
    if not line.skew:
        return samples
    late = min(line.skew * line.per_frame, len(samples))
    found = np.full(len(samples), INVALID[line.format], samples.dtype)
    found[: len(samples) - late] = samples[late:]
    return found

"""An EDF or BDF file opened: signals by rate, gaps kept, and the annotations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from mmap import mmap
from typing import NamedTuple

import numpy as np

from biolake.core.errors import SourceUnreadable
from biolake.core.media import Annotation, Recording, Signal
from biolake.readers._edf.annotations import read_annotations
from biolake.readers._edf.header import Channel, Header, birth_date, read_header
from biolake.signals.channels import channel_name, channel_unit

# Gaps are filled with NaN while that costs at most so many times the samples stored.
_MOST_FILL, _FREE_FILL = 8, 1 << 20
_SEXES = {"M": "male", "F": "female"}


class Run(NamedTuple):
    """Data records without a gap between them; `start` in seconds after the first record's."""

    first: int
    stop: int
    start: float


@dataclass(frozen=True)
class Timeline:
    """When the data records lie: the first one's start after the header's time, and the runs."""

    offset: float
    runs: tuple[Run, ...]
    annotations: tuple[Annotation, ...]
    seconds: float


def open_edf(content: bytes) -> Recording:
    """Open a whole file; raises `SourceUnreadable`."""
    header = read_header(content, len(content))
    timeline = timeline_of(header, content)
    patient = header.patient
    return Recording(
        tuple(_signals(header, content, timeline)),
        {"edf": timeline.annotations} if timeline.annotations else {},
        _age(header),
        _SEXES.get(patient[1].upper(), "") if len(patient) > 1 else "",
        header.notes,
    )


def timeline_of(header: Header, content: bytes | mmap) -> Timeline:
    """Return the runs of data records and the annotations, in seconds after the first record.

    Raises `SourceUnreadable` when records overlap, or have gaps in a file that says it has none.
    """
    if not any(channel.is_annotation for channel in header.channels):
        if header.discontinuous:
            raise SourceUnreadable("the file has gaps and does not say where")
        length = header.records * header.duration
        return Timeline(0.0, (Run(0, header.records, 0.0),), (), length)
    starts, found = read_annotations(header, _records(header, content))
    zero = float(starts[0])
    found.sort(key=lambda mark: mark.at)
    moved = tuple(replace(mark, at=round(mark.at - zero, 9)) for mark in found)
    runs = _runs(header, starts - starts[0])
    last = runs[-1]
    length = last.start + (last.stop - last.first) * header.duration
    return Timeline(zero, runs, moved, length)


def _records(header: Header, content: bytes | mmap) -> np.ndarray:
    """Return the data as records × bytes."""
    size = header.record_samples * header.width
    flat = np.frombuffer(content, np.uint8, header.records * size, header.offset)
    return flat.reshape(header.records, size)


def _runs(header: Header, starts: np.ndarray) -> tuple[Run, ...]:
    if not header.duration:  # annotations only
        return (Run(0, header.records, 0.0),)
    steps = np.diff(starts) - header.duration
    most = max((c.samples for c in header.channels if not c.is_annotation), default=1)
    # Times are written with few digits: half a sample, within 1 to 5 ms, is no gap.
    tolerance = min(max(0.5 * header.duration / most, 1e-3), 5e-3)
    apart = np.abs(steps) > tolerance
    if (apart & (steps < 0)).any():
        raise SourceUnreadable("data records overlap in time")
    if apart.any() and not header.discontinuous:
        raise SourceUnreadable("the file says it has no gaps, and its data records have")
    cuts = [0, *(np.flatnonzero(apart) + 1).tolist(), header.records]
    runs = tuple(Run(a, b, float(starts[a])) for a, b in pairwise(cuts))
    for run, later in pairwise(runs):
        if later.start < run.start + (run.stop - run.first) * header.duration - tolerance:
            raise SourceUnreadable("data records overlap in time")
    return runs


def _signals(header: Header, content: bytes, timeline: Timeline) -> Iterator[Signal]:
    channels = [channel for channel in header.channels if not channel.is_annotation]
    records = _records(header, content)
    for samples in sorted({channel.samples for channel in channels}, reverse=True):
        same = [channel for channel in channels if channel.samples == samples]
        rate = samples / header.duration
        places = _places(timeline, rate, header.records * samples)
        if places is None:
            for run in timeline.runs:
                block = np.empty((len(same), (run.stop - run.first) * samples), np.float32)
                _fill(header, records[run.first : run.stop], same, block)
                yield _signal(block, rate, same, run.start)
            continue
        total = places[-1] + (timeline.runs[-1].stop - timeline.runs[-1].first) * samples
        block = np.full((len(same), total), np.nan, np.float32)
        for run, place in zip(timeline.runs, places, strict=True):
            part = block[:, place : place + (run.stop - run.first) * samples]
            _fill(header, records[run.first : run.stop], same, part)
        yield _signal(block, rate, same, 0.0)


def _places(timeline: Timeline, rate: float, stored: int) -> list[int] | None:
    """Return the sample at which each run starts, or None where runs stay apart.

    They do where a gap is no whole number of samples, or filling it would cost too much.
    """
    if timeline.seconds * rate > _MOST_FILL * stored + _FREE_FILL:
        return None
    exact = np.array([run.start for run in timeline.runs]) * rate
    whole = np.rint(exact)
    return whole.astype(np.int64).tolist() if np.abs(exact - whole).max() < 0.01 else None


def _fill(header: Header, records: np.ndarray, same: Sequence[Channel], rows: np.ndarray) -> None:
    """Write these records' samples in physical units, one row a channel."""
    for channel, row in zip(same, rows, strict=True):
        first = channel.first * header.width
        raw = records[:, first : first + channel.samples * header.width].reshape(-1)
        if header.width == 2:
            digital = raw.view("<i2")
        else:
            wide = np.zeros((len(raw) // 3, 4), np.uint8)
            wide[:, 1:] = raw.reshape(-1, 3)
            digital = wide.view("<i4")[:, 0] >> 8
        shifted = np.subtract(digital, channel.digital_min, dtype=np.float64)
        shifted *= channel.scale
        np.add(shifted, channel.physical_min, out=row, casting="same_kind")


def _signal(block: np.ndarray, rate: float, same: Sequence[Channel], start: float) -> Signal:
    return Signal(
        block,
        rate,
        tuple(channel_name(channel.label) for channel in same),
        tuple(channel_unit(channel.unit) for channel in same),
        start,
    )


def _age(header: Header) -> float | None:
    born = birth_date(header.patient)
    if born is None or header.start is None:
        return None
    years = (header.start.date() - born).days / 365.25
    return years if 0 <= years <= 130 else None

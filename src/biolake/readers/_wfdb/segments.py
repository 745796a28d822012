"""Records in several segments: what lies where, and one signal of each rate from all of them.

Source: WFDB Applications Guide, header(5), multi-segment records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

import numpy as np

from biolake.core.errors import SourceUnreadable
from biolake.core.media import Signal
from biolake.readers._wfdb.formats import COMPRESSED
from biolake.readers._wfdb.header import ABSENT, Header
from biolake.readers._wfdb.samples import (
    Digital,
    Read,
    groups,
    read_digital,
    size_at_fault,
    write_physical,
    write_table,
)
from biolake.signals.channels import channel_name, channel_unit

# Gaps are filled with NaN while that costs at most so many times the samples stored.
_MOST_FILL, _FREE_FILL = 8, 1 << 20
_MOST_SHARED = 64  # samples claimed for each byte: segments may share a file, within reason


class Channel(NamedTuple):
    """One signal of the whole record."""

    name: str
    unit: str
    per_frame: int


class Part(NamedTuple):
    """A segment with samples: its first frame, its length, and the channel of each signal."""

    start: int
    frames: int
    header: Header
    places: tuple[int, ...]


class Layout(NamedTuple):
    """A record of one or more segments; `frames` is None for a single one of unstated length."""

    rate: float
    frames: int | None
    channels: tuple[Channel, ...]
    parts: tuple[Part, ...]


def layout_of(header: Header, segment: Callable[[str], Header]) -> Layout:
    """Return what lies where in a record; `segment` gives the header of a segment by its name.

    Raises `SourceUnreadable` when segments contradict the record or each other.
    """
    if not header.segments:
        part = Part(0, header.frames or 0, header, tuple(range(len(header.signals))))
        return Layout(header.rate, header.frames, _channels(header), (part,))
    total = sum(part.frames for part in header.segments)
    if header.frames is not None and header.frames != total:
        raise SourceUnreadable("the segments do not add up to the length of the record")
    found = list(_segments(header, segment))
    variable = header.segments[0].frames == 0 and header.segments[0].name != ABSENT
    first = segment(header.segments[0].name) if variable else found[0][2] if found else None
    if first is None:
        raise SourceUnreadable("the record consists of gaps only")
    if len(first.signals) != header.channels:
        raise SourceUnreadable("the segments have another number of signals than the record")
    parts = tuple(
        Part(start, frames, inner, _places(inner, first, variable))
        for start, frames, inner in found
    )
    return Layout(header.rate, total, _agreed(_channels(first), parts), parts)


def read_signals(layout: Layout, read: Read) -> tuple[tuple[Signal, ...], int, int]:
    """Return the record's signals, how many checksums it gives and how many are wrong."""
    check_sizes(layout, lambda name: len(read(name)))
    signals: list[Signal] = []
    checked = wrong = 0
    for stretch in _stretches(layout):
        blocks: list[_Block] | None = None
        for part in stretch.parts:
            digital = read_digital(part.header, read)
            checked, wrong = checked + digital.checked, wrong + len(digital.wrong)
            if blocks is None:
                frames = digital.frames if layout.frames is None else stretch.frames
                blocks = _blocks(layout, stretch, frames)
            _write(part, digital, blocks, part.start - stretch.start)
        signals += [_signal(layout, block, stretch.start) for block in blocks or ()]
    return tuple(signals), checked, wrong


def _write(part: Part, digital: Digital, blocks: Sequence[_Block], at: int) -> None:
    """Write a part's samples in physical units into the rows of its channels, `at` frames in."""
    lines = part.header.signals
    if digital.table is not None and list(part.places) == blocks[0].members:
        write_table(digital.table, lines, blocks[0].samples[:, at : at + digital.frames])
        return
    rows = {i: row for block in blocks for i, row in block.rows()}
    wanted = []
    for line, place in zip(lines, part.places, strict=True):
        first = at * line.per_frame
        wanted.append(rows[place][first : first + digital.frames * line.per_frame])
    write_physical(digital, lines, wanted)


def check_sizes(layout: Layout, size: Callable[[str], int]) -> None:
    """Refuse a record that claims more samples than its files can hold, before any is read."""
    sizes: dict[str, int] = {}
    claimed = 0
    for part in layout.parts:
        lines = part.header.signals
        for first, stop in groups(lines) if lines else ():
            line = lines[first]
            if line.file == ABSENT or line.format == 0:
                raise SourceUnreadable("the header stores no samples for a signal")
            held = sizes[line.file] = size(line.file)
            if fault := size_at_fault(lines[first:stop], part.header.frames, held):
                raise SourceUnreadable(f"{line.file} {fault}")
            if line.format not in COMPRESSED:
                claimed += part.frames * sum(each.per_frame for each in lines[first:stop])
    if claimed > _MOST_SHARED * sum(sizes.values()):
        raise SourceUnreadable("the segments claim far more samples than their files hold")


class _Stretch(NamedTuple):
    start: int
    frames: int
    parts: tuple[Part, ...]


def _stretches(layout: Layout) -> list[_Stretch]:
    """Return the whole record, or its parts between gaps when filling them would cost too much."""
    if layout.frames is None or (len(layout.parts) == 1 and not layout.parts[0].start):
        return [_Stretch(0, layout.frames or 0, layout.parts)]
    filled = layout.frames * sum(channel.per_frame for channel in layout.channels)
    stored = sum(
        part.frames * sum(line.per_frame for line in part.header.signals) for part in layout.parts
    )
    if filled <= _MOST_FILL * stored + _FREE_FILL:
        return [_Stretch(0, layout.frames, layout.parts)]
    found: list[list[Part]] = []
    for part in layout.parts:
        last = found[-1][-1] if found else None
        if last and last.start + last.frames == part.start and set(last.places) == set(part.places):
            found[-1].append(part)
        else:
            found.append([part])
    return [
        _Stretch(parts[0].start, sum(part.frames for part in parts), tuple(parts))
        for parts in found
    ]


def _segments(
    header: Header, segment: Callable[[str], Header]
) -> Iterator[tuple[int, int, Header]]:
    """Yield first frame, length and header of every segment that has samples."""
    start = 0
    for name, frames in header.segments:
        if name != ABSENT and frames:
            inner = segment(name)
            if inner.segments:
                raise SourceUnreadable("a segment consists of segments")
            if inner.rate != header.rate:
                raise SourceUnreadable("a segment has another sampling frequency than the record")
            if inner.frames not in (None, frames):
                raise SourceUnreadable("a segment's header tells another length than the record's")
            yield start, frames, inner._replace(frames=frames)
        start += frames


def _places(inner: Header, first: Header, variable: bool) -> tuple[int, ...]:
    """Return which channel of the record each signal of a segment is."""
    if not variable:
        if [line.name for line in inner.signals] != [line.name for line in first.signals]:
            raise SourceUnreadable("the segments of the record have different signals")
        return tuple(range(len(inner.signals)))
    # The same name twice: the first is the first, the second the second.
    places = {key: i for i, key in enumerate(_numbered(first))}
    try:
        return tuple(places[key] for key in _numbered(inner))
    except KeyError:
        raise SourceUnreadable("a segment has a signal that the record's layout lacks") from None


def _numbered(header: Header) -> list[tuple[str, int]]:
    seen: dict[str, int] = {}
    keys = []
    for line in header.signals:
        seen[line.name] = seen.get(line.name, -1) + 1
        keys.append((line.name, seen[line.name]))
    return keys


def _channels(header: Header) -> tuple[Channel, ...]:
    return tuple(_channel(line.name, line.unit, line.per_frame) for line in header.signals)


@lru_cache(maxsize=4096)
def _channel(name: str, unit: str, per_frame: int) -> Channel:
    return Channel(channel_name(name), channel_unit(unit), per_frame)


def _agreed(channels: Sequence[Channel], parts: Sequence[Part]) -> tuple[Channel, ...]:
    """Return the channels with the units of the segments that hold them, which must agree."""
    told: dict[int, tuple[str, int]] = {}
    for part in parts:
        for line, place in zip(part.header.signals, part.places, strict=True):
            stated = (channel_unit(line.unit), line.per_frame)
            if told.setdefault(place, stated) != stated:
                raise SourceUnreadable(
                    "a signal has different units or samples a frame in two segments"
                )
    return tuple(
        channel._replace(unit=told[i][0], per_frame=told[i][1]) if i in told else channel
        for i, channel in enumerate(channels)
    )


class _Block(NamedTuple):
    """The channels of one rate, one row each, lying together so that they need no copy."""

    per_frame: int
    members: list[int]
    samples: np.ndarray

    def rows(self) -> Iterator[tuple[int, np.ndarray]]:
        return zip(self.members, self.samples, strict=True)


def _blocks(layout: Layout, stretch: _Stretch, frames: int) -> list[_Block]:
    whole = layout.frames is None or stretch.frames == layout.frames
    held = {place for part in stretch.parts for place in part.places}
    members = [i for i in range(len(layout.channels)) if whole or i in held]
    members.sort(key=lambda i: -layout.channels[i].per_frame)  # the fastest first
    complete = len(stretch.parts) == 1 and len(held) == len(members)
    blocks = []
    for each, found in groupby(members, lambda i: layout.channels[i].per_frame):
        same = list(found)
        shape = (len(same), frames * each)
        filled = complete and stretch.parts[0].frames in (0, stretch.frames)
        samples = np.empty(shape, np.float32) if filled else np.full(shape, np.nan, np.float32)
        blocks.append(_Block(each, same, samples))
    return blocks


def _signal(layout: Layout, block: _Block, start: int) -> Signal:
    return Signal(
        block.samples,
        layout.rate * block.per_frame,
        tuple(layout.channels[i].name for i in block.members),
        tuple(layout.channels[i].unit for i in block.members),
        start / layout.rate,
    )

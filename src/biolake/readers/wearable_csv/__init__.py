"""Wearable devices' CSV files, whose columns a `wearables.yaml` beside them declares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path, PurePosixPath

import numpy as np

from biolake.core.assets import Content, Facts, FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import asset_reader
from biolake.core.errors import BiolakeError, MappingInvalid, SourceUnreadable
from biolake.core.media import Recording, Signal
from biolake.core.reading import SourceFile
from biolake.readers.wearable_csv.declaration import DECLARATION, RATES, Column, Rule, declared
from biolake.readers.wearable_csv.table import Table, offset_of, read_table

_RATE_TOLERANCE = 0.01
_MOST_SHARED = 0.01  # of samples that meet another in their slot


@dataclass(frozen=True)
class _Opened:
    recording: Recording
    start: int | None
    utc_offset: int | None
    subject: str | None


def _open(path: Path, rule: Rule) -> _Opened:
    table = read_table(path, rule)
    groups: dict[tuple[float | None, float | None], list[Column]] = {}
    for column in rule.columns:
        groups.setdefault((column.rate, column.grid), []).append(column)
    regular = rule.rate if table.seconds is None or (rule.clock and rule.clock.first_only) else None
    rows = len(next(iter(table.values.values())))
    begin = float(table.seconds[0]) if table.seconds is not None else 0.0
    if regular is not None:
        seconds = np.arange(rows) / regular
    else:
        assert table.seconds is not None  # noqa: S101 - a rule without a rate has times
        seconds = table.seconds - begin
        back = np.flatnonzero(np.diff(seconds) < 0)
        if back.size:
            raise SourceUnreadable(f"time runs backwards after data row {int(back[0]) + 1}")
    signals = [
        _signal(table, columns, seconds, rule, regular if own == (None, None) else None)
        for own, columns in groups.items()
    ]
    absolute = rule.clock is not None and (bool(rule.clock.form) or rule.clock.epoch)
    start, offset = (round(begin * 1e6), table.offset) if absolute else _start(rule)
    start = None if start is None else start + (offset or 0) * 60_000_000  # as written
    recording = Recording(tuple(signals), comments=tuple(table.notes))
    return _Opened(recording, start, offset, table.subject)


def _start(rule: Rule) -> tuple[int | None, int | None]:
    if rule.start is None:
        return None, None
    zoned = rule.start if rule.start.tzinfo is not None else rule.start.replace(tzinfo=UTC)
    return round(zoned.timestamp() * 1e6), offset_of(rule.start)


def _signal(
    table: Table, columns: list[Column], seconds: np.ndarray, rule: Rule, regular: float | None
) -> Signal:
    """Put the samples of columns that are taken together onto a regular grid, NaN in its gaps."""
    samples = np.array([table.values[column.channel] for column in columns])
    slower = columns[0].rate is not None or columns[0].grid is not None
    channels, units = tuple(c.channel for c in columns), tuple(c.unit for c in columns)
    if regular is not None:
        return Signal(samples.astype(np.float32), regular, channels, units)
    if slower:
        there = ~np.isnan(samples).all(axis=0)
        samples, seconds = samples[:, there], seconds[there]
    if len(seconds) < 2:
        raise SourceUnreadable(f"'{channels[0]}' has fewer than two samples")
    declared_rate = columns[0].rate if slower else rule.rate
    grid = columns[0].grid if slower else rule.grid
    rate = grid or _rate(seconds, declared_rate, channels[0])
    start = float(seconds[0])
    if (seconds[-1] - start) * rate >= 100 * len(seconds) + 1_000_000:
        raise SourceUnreadable("the gaps are far longer than what is recorded: split the file")
    slots = np.rint((seconds - start) * rate).astype(np.int64)
    shared = int((np.diff(slots) == 0).sum())
    if shared > _MOST_SHARED * len(slots):
        raise SourceUnreadable(
            f"{shared} samples of '{channels[0]}' meet another at {rate:g} Hz: declare the rate,"
            " or a finer grid"
        )
    if shared:
        table.notes.append(f"{shared} samples of '{channels[0]}' met another: the later is kept")
    placed = np.full((len(columns), int(slots[-1]) + 1), np.nan, np.float32)
    placed[:, slots] = samples
    empty = placed.shape[1] - len(np.unique(slots))
    if empty:
        table.notes.append(f"{empty} of {placed.shape[1]} slots of '{channels[0]}' are empty")
    return Signal(placed, rate, channels, units, start)


def _rate(seconds: np.ndarray, declared_rate: float | None, channel: str) -> float:
    """Return the rate declared, if the times bear it out, or else the median one."""
    step = float(np.median(np.diff(seconds)))
    observed = 1 / step if step > 0 else 0.0
    if not RATES[0] <= observed <= RATES[1]:
        raise SourceUnreadable(f"the times of '{channel}' are too coarse: declare 'first_only'")
    if declared_rate is None:
        return observed
    if abs(observed / declared_rate - 1) > _RATE_TOLERANCE:
        raise SourceUnreadable(
            f"'{channel}' is declared at {declared_rate:g} Hz, its times say {observed:.4g} Hz"
        )
    return declared_rate


def claims(name: str, head: bytes) -> bool:
    """Take the declaration; the CSV files it speaks of come with it, and no others."""
    return PurePosixPath(name).name.lower() == DECLARATION


def find(
    files: Sequence[SourceFile], surroundings: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Read every file that a declaration in its folder, or the nearest above it, speaks of."""
    folders = {PurePosixPath(file.name).parent: file for file in files}
    for folder, declaration in folders.items():
        try:
            rules = declared(declaration.path.read_bytes())
        except BiolakeError as error:
            yield UnreadableFile(declaration, error.message)
            continue
        used = False
        for name, file in sorted(surroundings.files.items()):
            place = PurePosixPath(name)
            nearest = next((above for above in place.parents if above in folders), None)
            matching = [rule for rule in rules if rule.file.fullmatch(place.name)]
            if nearest != folder or not matching or name == declaration.name:
                continue
            found = _found(file, declaration, matching, place.relative_to(folder).as_posix())
            used |= isinstance(found, FoundAsset)
            yield found
        if not used:
            yield UnreadableFile(declaration, "no file beside it matches and can be read")


def _found(
    file: SourceFile, declaration: SourceFile, matching: list[Rule], path: str
) -> FoundAsset | UnreadableFile:
    rule = matching[0]
    try:
        if len(matching) > 1:
            raise MappingInvalid(f"{len(matching)} entries of {DECLARATION} match this file")
        opened = _open(file.path, rule)
    except BiolakeError as error:
        return UnreadableFile(file, error.message)
    kinds = {column.kind for column in rule.columns}
    seconds = opened.recording.seconds
    return FoundAsset(
        kinds.pop() if kinds in ({"ecg"}, {"ppg"}) else "wearable",
        (file, declaration),
        _facts(opened.recording, rule),
        subject=_subject(rule, path, opened.subject),
        start=opened.start,
        end=None if opened.start is None else opened.start + round(seconds * 1e6),
        utc_offset=opened.utc_offset,
        notes=opened.recording.comments,
    )


def _facts(recording: Recording, rule: Rule) -> Facts:
    fastest = max(recording.signals, key=lambda signal: signal.rate)
    samples = [signal.samples for signal in recording.signals]
    missing = sum(int(np.isnan(each).sum()) for each in samples) / sum(
        each.size for each in samples
    )
    return Facts(
        seconds=recording.seconds,
        rate=fastest.rate,
        channels=len(rule.columns),
        shape=fastest.samples.shape,
        units=fastest.units[0] if len(set(fastest.units)) == 1 else "",
        device=rule.device,
        attributes={
            "leads": [column.channel for column in rule.columns],
            "kinds": {column.channel: column.kind for column in rule.columns},
            "missing": round(missing, 6),
        },
    )


def _subject(rule: Rule, path: str, in_file: str | None) -> str | None:
    """Return the subject a column tells, or the path, or the file's name, or the declaration."""
    told = [in_file, rule.subject]
    for pattern, text in ((rule.file, PurePosixPath(path).name), (rule.path, path)):
        match = pattern.search(text) if pattern is not None else None
        if match is not None and "subject" in match.groupdict():
            told.insert(1, match.group("subject"))
    return next((each for each in told if each), None)


@asset_reader("Wearable CSV (declared columns)", claims=claims, find=find)
def wearable_csv(content: Content) -> Recording:
    """Open a wearable's CSV as its `wearables.yaml` declares it: which columns, units, and times.

    Columns of one rate make one signal. Samples lie on the declared or median rate, NaN where
    none was taken; `comments` say how many. Cells that are no numbers are missing, up to 1 %.
    Raises `SourceUnreadable` when times run backwards, or disagree with the declared rate by more
    than 1 %; `MappingInvalid` for the declaration.
    """
    name = content.names[0]
    declaration = next((n for n in content.names if claims(n, b"")), None)
    try:
        if declaration is None:
            raise SourceUnreadable(f"its {DECLARATION} is not with it")
        rules = declared(content.read(declaration))
        matching = [rule for rule in rules if rule.file.fullmatch(PurePosixPath(name).name)]
        if len(matching) != 1:
            raise MappingInvalid(f"{len(matching)} entries of {DECLARATION} match this file")
        return _open(content.path(name), matching[0]).recording
    except BiolakeError as error:
        error.where = error.where or name
        raise

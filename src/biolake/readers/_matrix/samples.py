"""The sample sheet beside matrices: when each sample was taken, and whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import numpy as np

from biolake.core.errors import SourceUnreadable
from biolake.core.reading import Chunk, SourceFile
from biolake.readers._matrix.specification import Samples
from biolake.readers._matrix.subjects import place_of, rejected
from biolake.readers._matrix.text_table import TextTable, open_table, refuse_twins
from biolake.readers._rows import Person, Rows, is_placeholder

NO_SAMPLE = "no sample"
NO_TIME = "no time: nobody can say what was known before the sample was taken"
NOT_A_TIME = "not a time such as 2024-01-31 or 2024-01-31T08:30, without an offset"
TWICE = "this sample stands here twice"
PLACEHOLDER = "a placeholder, which would join strangers"


def sample_times(file: SourceFile, said: Samples) -> dict[str, int]:
    """Return when each sample of the sheet was taken, in microseconds since 1970."""
    return {sample: time for _, sample, time, _, fault in _read(_opened(file, said), said)
            if time is not None and not fault}  # fmt: skip


def sample_chunks(file: SourceFile, said: Samples) -> Iterator[Chunk]:
    """Read the sheet: each row names a sample, and if it can whose it is."""
    opened, rows = _opened(file, said), Rows()
    for line, sample, _, subject, fault in _read(opened, said):
        if fault:
            rows.reject(line, *fault)
            continue
        rows.part()
        rows.people[Person(sample, "sample", sample, "site")] = None
        if subject:
            rows.people[Person(sample, said.system, subject, "site")] = None
    yield rows.chunk(file, "samples")
    if opened.ragged:
        yield rejected(opened, "samples")


_Row = tuple[int, str, int | None, str, tuple[str, str] | None]


def _read(opened: TextTable, said: Samples) -> Iterator[_Row]:
    """Yield line, sample, time, subject, and the column and reason of what is wrong."""
    names = [said.id, said.time, *([said.subject] if said.subject else [])]
    places = [place_of(opened, name) for name in names]
    seen: set[str] = set()
    for block in opened.blocks():
        lists = [block.columns[place].to_pylist() for place in places]
        for line, *values in zip(block.numbers.tolist(), *lists, strict=True):
            sample, told, *whose = [(value or "").strip() for value in values]
            time = _time(told)
            fault = _fault(said, sample, told, time, sample in seen, whose)
            seen.add(sample)
            yield line, sample, time, whose[0] if whose else "", fault


def _fault(
    said: Samples, sample: str, told: str, time: int | None, twice: bool, whose: list[str]
) -> tuple[str, str] | None:
    if not sample:
        return said.id, NO_SAMPLE
    if twice:
        return said.id, TWICE
    if time is None:
        return said.time, NOT_A_TIME if told else NO_TIME
    # Of one letter or digit it is a small clinic's own number.
    if whose and len(whose[0]) > 1 and is_placeholder(whose[0]):
        return said.subject, PLACEHOLDER
    return None


def _time(text: str) -> int | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo else int(np.datetime64(found, "us").astype(np.int64))


def _opened(file: SourceFile, said: Samples) -> TextTable:
    opened = open_table(file)
    refuse_twins(opened)
    if said.id == said.time:
        raise SourceUnreadable("one column cannot be both sample and time", where=file.name)
    return opened

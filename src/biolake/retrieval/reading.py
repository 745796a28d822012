"""Read the events that samples may see, once: count them for the vocabulary and keep the arrays."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from biolake.lake.door import View
from biolake.retrieval.definition import Group
from biolake.retrieval.past import NO_END, Past
from biolake.retrieval.samples import Chunk, Samples, chunks
from biolake.retrieval.survey import Survey, survey
from biolake.retrieval.workers import code_type, each

BATCH_ROWS = 1 << 18
RUN_EVENTS = 1_000_000  # events read and kept together

_FEW_CODES = 200  # that many are looked up by code; more are found by reading the subjects' events

_EVENTS = """
    SELECT subject_id, time, end_time, numeric_value AS value,
           CAST(enum_code(TRY_CAST(code AS {codes})) AS INTEGER) AS code,
           CAST(enum_code(TRY_CAST(unit AS {units})) AS INTEGER) AS unit
    FROM {source}
    WHERE shard_group = {group} AND shard BETWEEN {first} AND {last} AND time IS NOT NULL{only}
"""

_UNITS = "SELECT DISTINCT unit FROM {source} WHERE unit IS NOT NULL{only} ORDER BY unit"


@dataclass(frozen=True)
class Reading:
    """The kept past of the subjects of some samples, a file for each run of subjects.

    `subject` and `run_of` are the numbers of each sample's subject and run; codes and units are
    numbered by their place in `codes` and `units`; `surveys` has one count for each group's cut.
    """

    folder: Path
    runs: list[Chunk]
    subject: np.ndarray
    run_of: np.ndarray
    codes: list[str]
    units: list[str | None]
    surveys: dict[int, Survey]

    def past(self, samples: Chunk) -> tuple[Past, np.ndarray]:
        """Return the events of the subjects of a run of samples, and each sample's subject."""
        number = int(self.run_of[samples.start])
        subject = self.subject[samples.start : samples.stop] - self.runs[number].start
        past = Past.load(_file(self.folder, number))
        return past.of_subjects(int(subject[0]), int(subject[-1])), subject


def read_past(
    view: View,
    samples: Samples,
    groups: Sequence[Group],
    codes: Mapping[str, Collection[str]],
    folder: Path,
    threads: int,
) -> Reading:
    """Read the events of each group's codes that any of their windows may see."""
    names = sorted({code for wanted in codes.values() for code in wanted})
    latest, subject = samples.latest(), samples.subjects()
    runs = chunks(latest, latest.events, RUN_EVENTS)
    run_of = np.searchsorted([run.stop for run in runs], subject, side="right")
    surveys = {group.cut: Survey.empty(names) for group in groups}
    if not (names and runs):
        return Reading(folder, runs, subject, run_of, names, [None], surveys)
    folder.mkdir()
    since = _first_times(samples, subject) - max(w.until for g in groups for w in g.windows)
    with _asking(view, names) as (query, units):

        def look(con: duckdb.DuckDBPyConnection, run: Chunk) -> dict[int, Survey]:
            first, last = run.shards
            sql = query(group=run.group, first=first, last=last)
            mine = latest.take(np.arange(run.start, run.stop))
            past = _read(con, sql, mine.subject_id, mine.time - min(surveys))
            recent = past.time > since[run.start : run.stop][past.subject]
            (past if recent.all() else past.take(recent)).save(_file(folder, run.number))
            return {cut: survey(past, mine.time - cut, mine.train, names, units) for cut in surveys}

        for found in each(view, threads, look, runs):
            for cut, counted in found.items():
                surveys[cut].add(counted)
    return Reading(folder, runs, subject, run_of, names, units, surveys)


def _first_times(samples: Samples, subject: np.ndarray) -> np.ndarray:
    """Return the time of each subject's first sample."""
    return samples.time[np.flatnonzero(np.diff(subject, prepend=-1))]


def _file(folder: Path, run: int) -> Path:
    return folder / f"run-{run:05d}.arrow"


@contextmanager
def _asking(
    view: View, codes: Sequence[str]
) -> Iterator[tuple[Callable[..., str], list[str | None]]]:
    """Lend what makes the query of a run of subjects, and what the numbers of units stand for."""
    source, only = source_of(codes)
    units = [unit for (unit,) in view.rows(_UNITS.format(source=source, only=only))]
    with (
        code_type(view, "biolake_read", codes) as code,
        code_type(view, "biolake_units", units or [""]) as unit,
    ):
        query = partial(_EVENTS.format, source=source, only=only, codes=code, units=unit)
        yield query, [*units, None]


def source_of(codes: Sequence[str]) -> tuple[str, str]:
    """Return the table to read, and a condition on codes if it is read by code."""
    if len(codes) > _FEW_CODES:
        return "events", ""
    listed = ", ".join("'" + code.replace("'", "''") + "'" for code in codes)
    return "events_by_code", f" AND code IN ({listed})"


def _read(con: duckdb.DuckDBPyConnection, query: str, ids: np.ndarray, until: np.ndarray) -> Past:
    """Return the events of some subjects up to a time, one for each subject."""
    order = np.argsort(ids)
    parts = []
    for batch in con.sql(query).to_arrow_reader(BATCH_ROWS):
        subject = _places(ids, order, batch["subject_id"].to_numpy())
        time = batch["time"].to_numpy().view(np.int64)
        code = _numbers(batch["code"])
        seen = np.flatnonzero((subject >= 0) & (code >= 0) & (time <= until[subject]))
        ends = batch["end_time"]
        ended = None if ends.null_count == len(ends) else ends.cast(pa.int64()).fill_null(NO_END)
        value = batch["value"].to_numpy(zero_copy_only=False)
        parts.append(
            Past(
                subject[seen],
                time[seen],
                code[seen],
                np.where(np.isfinite(value), value, np.float32(np.nan))[seen],
                _numbers(batch["unit"])[seen],
                None if ended is None else ended.to_numpy()[seen],
            )
        )
    return Past.joined(parts)


def _numbers(column: pa.Array) -> np.ndarray:
    """Return a column of numbers, -1 where there is none."""
    filled = column.fill_null(-1) if column.null_count else column
    return np.asarray(filled.to_numpy())


def _places(ids: np.ndarray, order: np.ndarray, subjects: np.ndarray) -> np.ndarray:
    """Return where each subject stands among ids, which `order` sorts; -1 where it does not.

    Rows come in runs of one subject, so each run is looked up once.
    """
    starts = np.flatnonzero(np.append(True, subjects[1:] != subjects[:-1])[: len(subjects)])
    runs = subjects[starts]
    found = np.searchsorted(ids, runs, sorter=order).clip(max=len(ids) - 1)
    place = order[found].astype(np.int32)
    place[ids[place] != runs] = -1
    return np.repeat(place, np.diff(np.append(starts, len(subjects))))

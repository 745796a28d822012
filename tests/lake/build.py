"""Small loads, built directly as chunks: what a reader would have handed over."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from biolake.core.keys import row_key
from biolake.core.reading import Chunk, Clock, Reject, SourceFile, SubjectSystem, Tally
from biolake.core.schema import MAPPED, MAPPED_CODES, MAPPED_ENCOUNTERS, MAPPED_PEOPLE
from biolake.lake.door import open_view
from biolake.lake.lake import Lake, open_lake
from biolake.lake.loading import Loading, LoadReport, LoadRequest
from biolake.lake.locking import writer
from biolake.lake.transaction import clear_scratch, scratch_folder

Row = dict[str, object]

MRN = SubjectSystem("mrn")
NUMBERED = SubjectSystem("anchor", integer=True)
NOON = datetime(2150, 3, 1, 12)  # noqa: DTZ001 - lake times are naive


def event(subject: str, key: int | None = None, **values: object) -> Row:
    """One mapped event; without a key of its own it is keyed by its content."""
    row: Row = dict.fromkeys(MAPPED.names)
    row |= {"subject": subject, "code": "LAB//GLUCOSE", "time": NOON} | values
    row["row_key"] = row_key(*row.values()) if key is None else key
    return row


def many(rows: int, subjects: int = 40, *, seed: int = 7, first_key: int = 0) -> list[Row]:
    """Events of many subjects and codes: some static, some in one second, units and texts mixed."""
    random = np.random.default_rng(seed)
    who, what = random.integers(0, subjects, rows), random.integers(0, 25, rows)
    when, value = random.integers(0, 400, rows), random.normal(100, 20, rows).round(1)
    return [
        event(
            f"p{who[n]:04d}",
            first_key + n,
            code=f"LAB//{what[n]:02d}",
            time=None if when[n] < 8 else NOON + timedelta(days=int(when[n]) % 28, hours=n % 24),
            numeric_value=float(value[n]) if n % 5 else None,
            text_value="flag" if n % 7 == 0 else None,
            unit=("mg/dL", "mmol/L", None)[n % 3],
            encounter=f"e{who[n]:04d}-{n % 2}",
        )
        for n in range(rows)
    ]


def chunk(
    rows: Sequence[Row] = (),
    *,
    file: str = "labs.csv",
    content: str = "",
    table: str = "labs",
    keyed: bool = True,
    encounters: Sequence[tuple[str, str]] = (),
    people: Sequence[tuple[str, str, str, str]] = (),
    codes: Sequence[tuple[str, str]] = (),
    retracted: Sequence[int] = (),
    rejects: int = 0,
    skipped: int = 0,
) -> Chunk:
    """One chunk whose tally adds up. Encounters are (encounter, subject) pairs."""
    parts = len(encounters) + len(people) + len(codes) + len(retracted)
    tally = Tally(len(rows) + parts + rejects + skipped, len(rows), parts)
    tally.rejects += [Reject(n + 2, "value", "not a number") for n in range(rejects)]
    if skipped:
        tally.skipped["no time"] += skipped
    stays = [
        {"encounter": e, "subject": s, "start": NOON, "end": NOON, "kind": "inpatient"}
        for e, s in encounters
    ]
    persons = [dict(zip(MAPPED_PEOPLE.names, person, strict=True)) for person in people]
    terms = [{"code": c, "description": d, "parent_codes": [c[:3]]} for c, d in codes]
    return Chunk(
        SourceFile(Path(file), file, content or file),
        table,
        tally,
        events=pa.Table.from_pylist(list(rows), MAPPED) if rows else None,
        encounters=pa.Table.from_pylist(stays, MAPPED_ENCOUNTERS) if stays else None,
        people=pa.Table.from_pylist(persons, MAPPED_PEOPLE) if persons else None,
        codes=pa.Table.from_pylist(terms, MAPPED_CODES) if terms else None,
        retracted=np.array(retracted, dtype=np.int64) if retracted else None,
        keyed=keyed,
    )


def load(
    lake: Lake,
    *chunks: Chunk,
    site: str = "main",
    clock: Clock = "local",
    zone: str | None = None,
    expected: int = 0,
    subjects: SubjectSystem = MRN,
    stage: Callable[[str], None] = lambda _: None,
) -> LoadReport:
    """Take chunks in as one load, the way an ingest does."""
    contents = frozenset(chunk.file.content_hash for chunk in chunks)
    request = LoadRequest(
        site=site,
        layout="labs",
        subjects=subjects,
        clock=clock,
        expected_rows=expected,
        zone=zone,
        message=f"labs at site {site}",
        contents=contents,
    )
    with writer(lake.store, "test"):
        clear_scratch(lake)
        with scratch_folder(lake) as scratch:
            return Loading(lake, lake.commit(), request, scratch, stage=stage).run(chunks)


def copy_of(lake: Lake, folder: Path) -> Lake:
    """Return a copy of a lake to change at will."""
    shutil.copytree(lake.root, folder / "lake")
    return open_lake(str(folder / "lake"))


def rows_of(lake: Lake, columns: str, at: int | None = None, table: str = "events") -> list[tuple]:
    """Return the wanted columns of a table, sorted."""
    with open_view(lake, at) as view:
        found = view.rows(f"SELECT {columns} FROM {table}")  # noqa: S608 - names from the tests
        return sorted(found, key=repr)


CONTENT = (
    "subject_id, time, code, numeric_value, text_value, unit, end_time, encounter_id, site_id,"
    " source, row_key"
)


def content(lake: Lake, at: int | None = None) -> list[tuple]:
    """Return every event but for the load that brought it."""
    return rows_of(lake, CONTENT, at)


def subject_of(lake: Lake, code: str) -> int:
    """Return the one subject that has an event of a code."""
    with open_view(lake) as view:
        ((found,),) = view.rows("SELECT DISTINCT subject_id FROM events WHERE code = ?", [code])
    return int(found)


def files_of(lake: Lake, tables: Iterable[str] = ("events",)) -> list[str]:
    """Return the files of some tables at the latest commit."""
    state = lake.commit().tables
    return [file.path for name in tables if name in state for file in state[name].files]

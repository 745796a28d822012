"""Random histories of a lake against a naive model: a dictionary from row key to latest row."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.lake.build import NOON, NUMBERED, Row, chunk, event, load, rows_of

from biolake.core.errors import DataRefused
from biolake.core.reading import Chunk
from biolake.core.schema import BIRTH, DEATH
from biolake.lake import commits
from biolake.lake.forgetting import forget
from biolake.lake.lake import Lake, init
from biolake.lake.maintenance import compact
from biolake.lake.verifying import verify

KEYS = {"labs": st.integers(1, 6), "vitals": st.integers(7, 9), "notes": st.none()}
TIMES = [None, NOON, NOON + timedelta(hours=1), NOON.replace(1850), NOON.replace(9999)]
SUBJECT = st.sampled_from(["1", "2", "3", "4"])
STAYS = [("11", "1"), ("12", "2")]
ENCOUNTER = st.sampled_from([encounter for encounter, _ in STAYS])
SITE = st.sampled_from(["north", "south"])

Key = tuple[str, object, int]  # site, row key, which of the equal rows without keys of their own


@dataclass(frozen=True)
class Part:
    """One file of one table in a load; `content` stands for its bytes."""

    table: str
    content: str
    rows: tuple[Row, ...]
    retracted: tuple[int, ...]
    encounters: tuple[tuple[str, str], ...]  # (encounter, subject)

    def chunk(self, number: int) -> Chunk:
        return chunk(
            self.rows,
            file=f"{number}.csv",
            content=self.content,
            table=self.table,
            keyed=self.table != "notes",
            encounters=self.encounters,
            retracted=self.retracted,
        )


@dataclass(frozen=True)
class Held:
    """A row the lake must hold: its content, its source table, and the load that brought it."""

    row: Row
    table: str
    load: int

    def shown(self, key: Key) -> tuple[object, ...]:
        row = self.row
        plain = [row[n] for n in ("time", "code", "numeric_value", "text_value", "unit")]
        encounter = int(str(row["encounter"])) if row["encounter"] else None
        load = f"L{self.load:010d}"
        return (int(str(row["subject"])), *plain, encounter, key[0], load, self.table)


@dataclass
class Model:
    """What the lake must hold, kept the slow way."""

    rows: dict[Key, Held] = field(default_factory=dict)
    encounters: dict[str, str] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    readings: dict[tuple[str, str, int], set[str]] = field(default_factory=dict)

    def take(self, site: str, parts: Sequence[Part], number: int) -> None:
        """Take one load in: the last row of a key stands, what is taken back or stale goes."""
        given = dict(self._given(site, parts, number))
        for taken_back in (key for part in parts for key in part.retracted):
            given.pop((site, taken_back, 1), None)
            self.rows.pop((site, taken_back, 1), None)
        for key, held in given.items():
            old = self.rows.get(key)
            if old is None or (old.row, old.table) != (held.row, held.table):
                self.rows[key] = held
        self._drop_stale(site, {part.content for part in parts}, given.keys())
        for part in parts:
            self.readings.setdefault((site, part.table, number), set()).add(part.content)
            for encounter, subject in part.encounters:
                if subject not in self.forgotten:
                    self.encounters[encounter] = subject

    def _given(self, site: str, parts: Sequence[Part], number: int) -> Iterator[tuple[Key, Held]]:
        for part in parts:
            seen: Counter[object] = Counter()
            for row in part.rows:
                if row["subject"] not in self.forgotten:
                    seen[row["row_key"]] += part.table == "notes"
                    nth = seen[row["row_key"]] or 1
                    yield (site, row["row_key"], nth), Held(row, part.table, number)

    def _drop_stale(self, site: str, contents: set[str], given: object) -> None:
        """Drop what an earlier reading of the same files gave and this one does not."""
        stale = {
            (table, number)
            for (where, table, number), files in self.readings.items()
            if where == site and files <= contents
        }
        self.rows = {
            key: held
            for key, held in self.rows.items()
            if key[0] != site or (held.table, held.load) not in stale or key in given
        }

    def forget(self, subject: str) -> None:
        """Drop the subject's rows, and from others' rows the encounters that were its own."""
        own = {encounter for encounter, whose in self.encounters.items() if whose == subject}
        self.rows = {
            key: replace(held, row=held.row | {"encounter": None})
            if held.row["encounter"] in own
            else held
            for key, held in self.rows.items()
            if held.row["subject"] != subject
        }
        self.encounters = {e: whose for e, whose in self.encounters.items() if e not in own}
        self.forgotten.add(subject)

    def subjects(self) -> list[tuple[object, ...]]:
        """Return id, birth, death and events of every subject that has events."""
        found = []
        for subject in {str(held.row["subject"]) for held in self.rows.values()}:
            own = [held.row for held in self.rows.values() if held.row["subject"] == subject]
            lives = [
                [row["time"] for row in own if row["code"] == code and row["time"]]
                for code in (BIRTH, DEATH)
            ]
            found.append((int(subject), *(min(t, default=None) for t in lives), len(own)))  # type: ignore[type-var]
        return sorted(found, key=repr)


@st.composite
def event_rows(draw: st.DrawFn, table: str) -> Row:
    code = draw(st.sampled_from(["LAB//A", "LAB//B", BIRTH, DEATH]))
    return event(
        draw(SUBJECT),
        draw(KEYS[table]),
        code=code,
        time=draw(st.sampled_from(TIMES)),
        numeric_value=draw(st.sampled_from([None, 1.0])),
        text_value=draw(st.sampled_from([None, ""])),
        unit=draw(st.sampled_from([None, "mg/dL"])),
        encounter=draw(st.none() | ENCOUNTER),
    )


@st.composite
def files(draw: st.DrawFn) -> Part:
    table = draw(st.sampled_from(list(KEYS)))
    return Part(
        table,
        f"{table}-{draw(st.integers(1, 4))}",
        tuple(draw(st.lists(event_rows(table), max_size=8))),
        tuple(draw(st.lists(KEYS["labs"], max_size=2))) if table == "labs" else (),
        tuple(draw(st.lists(st.sampled_from(STAYS), max_size=1))),
    )


LOAD = st.tuples(SITE, st.lists(files(), min_size=1, max_size=3, unique_by=lambda p: p.content))
STEP = st.one_of(LOAD, LOAD, LOAD, LOAD, LOAD, st.just("compact"), SUBJECT)


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(STEP, min_size=4, max_size=7))
def test_any_history_leaves_what_a_dictionary_would_hold(steps: list[object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lake = init(str(Path(folder) / "lake"), subject_ids="source", shard_groups=2)
        model = Model()
        past: dict[int, list[tuple[object, ...]]] = {}
        for step in steps:
            _follow(lake, model, step)
            _compare(lake, model)
            past[lake.commit().number] = rows_of(lake, "*")
        _compare_past(lake, past)


def _follow(lake: Lake, model: Model, step: object) -> None:
    """Take one step in the lake and in the model."""
    if step == "compact":
        compact(lake)
    elif isinstance(step, str):
        if (int(step),) in rows_of(lake, "subject_id", table="subjects"):
            assert not forget(lake, int(step)).scan.hits
            model.forget(step)
    elif isinstance(step, tuple):
        site, parts = step
        chunks = [part.chunk(number) for number, part in enumerate(parts)]
        report = load(lake, *chunks, site=site, subjects=NUMBERED)
        assert report.commit is not None
        model.take(site, parts, report.commit.number)


def _compare(lake: Lake, model: Model) -> None:
    shown = sorted((held.shown(key) for key, held in model.rows.items()), key=repr)
    columns = (
        "subject_id, time, code, numeric_value, text_value, unit, encounter_id, site_id, load_id,"
        " source"
    )
    assert rows_of(lake, columns) == shown
    assert rows_of(lake, columns, table="events_by_code") == shown
    codes = Counter(str(held.row["code"]) for held in model.rows.values())
    assert rows_of(lake, "code, events", table="codes") == sorted(codes.items(), key=repr)
    listed = rows_of(lake, "subject_id, birth, death, events", table="subjects")
    assert [row for row in listed if row[3]] == model.subjects()
    assert {row[1:] for row in listed if not row[3]} <= {(None, None, 0)}
    stays = sorted(((int(e), int(s)) for e, s in model.encounters.items()), key=repr)
    assert rows_of(lake, "encounter_id, subject_id", table="encounters") == stays
    assert verify(lake).problems == ()


def _compare_past(lake: Lake, past: dict[int, list[tuple[object, ...]]]) -> None:
    """Compare each earlier commit with what it showed when it was the latest."""
    redacted = {n for commit in past for n in commits.read(lake.store, commit).redacts}
    for number, rows in past.items():
        if number in redacted:
            with pytest.raises(DataRefused, match="redacted"):
                lake.commit(number)
        else:
            assert rows_of(lake, "*", number) == rows

"""What loads do to a lake: nothing twice, corrections, retractions, moves, refusals."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from tests.lake.build import MRN, NOON, NUMBERED, chunk, content, event, load, many, rows_of

from biolake.core.bounds import FIRST_TIME as EARLIEST
from biolake.core.bounds import LAST_TIME as LATEST
from biolake.core.errors import BiolakeError, DataRefused
from biolake.core.reading import Chunk, SubjectSystem
from biolake.core.schema import MAPPED_ENCOUNTERS
from biolake.lake.lake import Lake, init
from biolake.lake.verifying import verify


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return init(str(tmp_path / "lake"), shard_groups=2)


def test_a_load_stores_every_event_in_both_orders(lake: Lake) -> None:
    report = load(lake, chunk(many(500)))
    assert report.added == 500
    assert len(rows_of(lake, "1")) == len(rows_of(lake, "1", table="events_by_code")) == 500
    assert not verify(lake).problems


def test_the_same_rows_again_add_nothing(lake: Lake) -> None:
    load(lake, chunk(many(500)))
    before = content(lake)
    report = load(lake, chunk(many(500), file="again.csv"))
    assert (report.added, sum(report.outcome.known.values())) == (0, 500)
    assert content(lake) == before
    assert not verify(lake).problems


def test_new_rows_join_those_of_earlier_loads(lake: Lake) -> None:
    load(lake, chunk(many(300)))
    report = load(lake, chunk(many(400), file="more.csv"))  # the first 300 are other rows now
    assert report.commit is not None
    assert report.commit.counts["events"] == len(content(lake)) == 400
    load(lake, chunk(many(200, first_key=9_000), file="new.csv", table="vitals"))
    assert len(content(lake)) == 600
    assert not verify(lake).problems


def test_a_corrected_row_replaces_the_old_one(lake: Lake) -> None:
    load(lake, chunk([event("p1", 1, numeric_value=5.0), event("p2", 2, numeric_value=6.0)]))
    report = load(lake, chunk([event("p1", 1, numeric_value=7.0)], file="b.csv"))
    assert rows_of(lake, "row_key, numeric_value") == [(1, 7.0), (2, 6.0)]
    assert (report.added, report.outcome.replaced) == (1, 1)
    assert not verify(lake).problems


def test_within_a_load_the_last_row_with_a_key_stands(lake: Lake) -> None:
    rows = [event("p1", 1, numeric_value=n) for n in (5.0, 6.0, 6.0, 7.0, 7.0)]
    report = load(lake, chunk(rows))
    assert rows_of(lake, "numeric_value") == [(7.0,)]
    assert (report.lines[0].superseded, report.lines[0].repeated) == (3, 1)
    assert not verify(lake).problems


def test_a_retracted_event_leaves_the_lake(lake: Lake) -> None:
    load(lake, chunk([event("p1", 1), event("p2", 2)]))
    report = load(lake, chunk([event("p3", 3)], file="b.csv", retracted=[2, 3, 99]))
    assert rows_of(lake, "row_key") == [(1,)]
    assert (report.outcome.removed, report.lines[0].retracted) == (1, 1)
    assert not verify(lake).problems


def test_an_event_that_moved_to_another_subject_moves_in_the_lake(lake: Lake) -> None:
    load(lake, chunk([event(f"p{n}", n) for n in range(40)]))
    moved = [event(f"p{n + 1}", n) for n in range(40)]
    report = load(lake, chunk(moved, file="b.csv"))
    assert len(rows_of(lake, "row_key")) == 40
    assert report.outcome.replaced == 40
    assert rows_of(lake, "events", table="subjects") == [(0,)] + [(1,)] * 40
    assert not verify(lake).problems


@pytest.mark.parametrize("expected", [0, 8_000_000])
def test_a_key_given_to_two_subjects_in_one_load_goes_to_the_last(
    lake: Lake, expected: int
) -> None:
    first = [event(f"p{n}", n) for n in range(40)] + [event("p1", 100), event("p2", 101)]
    again = [event(f"q{n}", n) for n in range(40)] + [event("p1", 102)]
    report = load(lake, chunk(first), chunk(again, file="b.csv"), expected=expected)
    assert [line.superseded for line in report.lines] == [40, 0]
    assert len(rows_of(lake, "row_key")) == 43
    before = content(lake)
    report = load(lake, chunk([*first, *again], file="again.csv"), expected=expected)
    assert report.added == report.outcome.replaced == 0
    assert content(lake) == before
    assert not verify(lake).problems


def test_sites_may_use_the_same_row_keys(lake: Lake) -> None:
    rows = [event(f"p{n}", n, numeric_value=1.0) for n in range(60)]
    load(lake, chunk(rows), site="north")
    load(lake, chunk(rows), site="south")
    load(lake, chunk([row | {"numeric_value": 2.0} for row in rows], file="b.csv"), site="north")
    assert rows_of(lake, "site_id, numeric_value") == [("north", 2.0)] * 60 + [("south", 1.0)] * 60
    load(lake, chunk([event("p1", 1_000)], file="c.csv", retracted=list(range(60))), site="north")
    assert len(rows_of(lake, "1")) == 61
    assert not verify(lake).problems


def test_equal_rows_without_keys_are_kept_and_known_again(lake: Lake) -> None:
    rows = [event("p1"), event("p1"), event("p1"), event("p2")]
    assert load(lake, chunk(rows, keyed=False)).added == 4
    assert load(lake, chunk(rows, keyed=False, file="again.csv")).added == 0
    assert load(lake, chunk([*rows, event("p1")], keyed=False, file="more.csv")).added == 1
    assert not verify(lake).problems


def test_equal_rows_without_keys_in_two_files_count_once(lake: Lake) -> None:
    rows = [event("p1"), event("p1")]
    one, two = chunk(rows, keyed=False), chunk(rows, keyed=False, file="b.csv")
    report = load(lake, one, two)
    assert (report.added, sum(report.outcome.repeated.values())) == (2, 2)


def test_the_number_of_buckets_does_not_change_the_result(tmp_path: Path) -> None:
    contents = []
    for number, rows in enumerate((0, 8_000_000)):
        lake = init(str(tmp_path / f"lake{number}"), subject_ids="source", shard_groups=2)
        numbered = [row | {"subject": str(row["subject"])[1:]} for row in many(600)]
        changed = [row | {"numeric_value": 1.5} for row in numbered[::3]]
        load(lake, chunk(numbered), expected=rows, subjects=NUMBERED)
        load(lake, chunk(changed, file="b.csv"), expected=rows, subjects=NUMBERED)
        contents.append(rows_of(lake, "subject_id, time, code, row_key, unit"))
        assert not verify(lake).problems
    assert contents[0] == contents[1]


def test_one_person_under_two_numbers_is_one_subject(lake: Lake) -> None:
    people = [("p1", "national", "77", "global"), ("q9", "national", "77", "global")]
    load(lake, chunk([event("p1", 1)], people=people[:1]), site="north")
    load(lake, chunk([event("q9", 2)], people=people[1:], file="b.csv"), site="south")
    assert len({subject for (subject,) in rows_of(lake, "subject_id")}) == 1
    assert not verify(lake).problems


def test_a_correction_of_a_birth_corrects_the_subject(lake: Lake) -> None:
    load(lake, chunk([event("p1", 1, code="MEDS_BIRTH", time=NOON)]))
    later = NOON.replace(year=2151)
    load(lake, chunk([event("p1", 1, code="MEDS_BIRTH", time=later)], file="b.csv"))
    assert rows_of(lake, "birth", table="subjects") == [(later,)]
    assert not verify(lake).problems


def test_encounters_and_codes_are_taken_in(lake: Lake) -> None:
    load(
        lake,
        chunk(
            [event("p1", 1, encounter="e1")],
            encounters=[("e1", "p1"), ("e2", "p2")],
            codes=[("LAB//GLUCOSE", "Glucose"), ("LAB//NEVER", "not in use")],
            rejects=2,
            skipped=3,
        ),
    )
    assert rows_of(lake, "code, description, events", table="codes") == [
        ("LAB//GLUCOSE", "Glucose", 1)
    ]
    assert len(rows_of(lake, "encounter_id", table="encounters")) == 2
    assert not verify(lake).problems


def test_times_of_one_site_are_not_mixed(lake: Lake) -> None:
    load(lake, chunk([event("p1", 1)]))
    with pytest.raises(DataRefused, match="site 'main'"):
        load(lake, chunk([event("p1", 2)]), clock="utc")
    load(lake, chunk([event("p1", 3)], file="b.csv"), clock="utc", site="other")
    assert lake.commit().number == 2


def test_a_second_id_system_is_refused_where_ids_are_the_sources_own(tmp_path: Path) -> None:
    lake = init(str(tmp_path / "lake"), subject_ids="source")
    load(lake, chunk([event("17", 1)]), subjects=NUMBERED)
    with pytest.raises(DataRefused, match="could collide"):
        load(lake, chunk([event("17", 2)]), subjects=SubjectSystem("other", integer=True))
    with pytest.raises(DataRefused, match="no integers"):
        load(lake, chunk([event("17", 2)]), subjects=MRN)


def test_a_reader_that_lost_count_is_refused(lake: Lake) -> None:
    wrong = chunk([event("p1", 1)])
    wrong.tally.rows += 1
    with pytest.raises(BiolakeError, match="unaccounted"):
        load(lake, wrong)
    assert lake.commit().number == 0


@pytest.mark.parametrize("when", ["write", "before commit"])
def test_a_load_that_dies_leaves_the_lake_as_it_was(lake: Lake, when: str) -> None:
    load(lake, chunk(many(100)))
    before = content(lake)

    def die(stage: str) -> None:
        if stage == when:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(lake, chunk(many(100, first_key=500), file="b.csv"), stage=die)
    assert content(lake) == before
    assert load(lake, chunk(many(100, first_key=500), file="b.csv")).added == 100
    assert not verify(lake).problems


def stay(end: datetime | None, *, adds: bool = False) -> Chunk:
    given = chunk(encounters=[("e1", "p1")])
    row = {"encounter": "e1", "subject": "p1", "start": None if adds else NOON, "end": end}
    rows = pa.Table.from_pylist([row | {"kind": None}], MAPPED_ENCOUNTERS)
    return replace(given, encounters=rows, adds_to_encounters=adds)


def test_a_corrected_encounter_loses_the_end_it_no_longer_has(lake: Lake) -> None:
    load(lake, stay(NOON))
    load(lake, stay(None))
    assert rows_of(lake, 'start, "end"', table="encounters") == [(NOON, None)]
    load(lake, stay(NOON), stay(None))
    assert rows_of(lake, 'start, "end"', table="encounters") == [(NOON, None)]


def test_news_of_an_encounter_leaves_what_they_do_not_say(lake: Lake) -> None:
    load(lake, stay(None))
    load(lake, stay(NOON, adds=True))
    load(lake, stay(None, adds=True))
    assert rows_of(lake, 'start, "end"', table="encounters") == [(NOON, NOON)]


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"numeric_value": 1e39}, "a number beyond"),
        ({"time": LATEST + 1}, "a time outside"),
        ({"end_time": EARLIEST - 1}, "a time outside"),
    ],
)
def test_a_value_that_would_be_stored_as_another_is_refused(
    lake: Lake, row: dict[str, object], what: str
) -> None:
    with pytest.raises(DataRefused, match=f"labs.csv: it holds {what}"):
        load(lake, chunk([event("p1", 1) | row]))
    assert lake.commit().number == 0


def test_the_ends_of_time_have_no_zone(lake: Lake) -> None:
    first, last = NOON.replace(1, 1, 1, 0), NOON.replace(9999, 12, 31, 23, 59, 59, 999_999)
    rows = [event("p1", 1, time=first), event("p1", 2, time=last)]
    load(lake, chunk(rows), zone="Europe/Berlin", site="east")
    load(lake, chunk(rows), zone="America/New_York", site="west")
    found = rows_of(lake, "min(time), max(time)")
    assert found == [(first, last)]


def test_the_id_that_stands_for_forgotten_subjects_is_refused(tmp_path: Path) -> None:
    lake = init(str(tmp_path / "lake"), subject_ids="source")
    with pytest.raises(DataRefused, match="stands for forgotten"):
        load(lake, chunk([event(str(-(1 << 63)), 1)]), subjects=NUMBERED)


def test_a_death_corrected_within_a_load_is_the_one_that_counts(lake: Lake) -> None:
    rows = [
        event("p1", 1, code="MEDS_DEATH", time=NOON),
        event("p1", 1, code="MEDS_DEATH", time=NOON + timedelta(days=30)),
        event("p1", 2, time=NOON + timedelta(days=2)),
        event("p1", 3, time=NOON + timedelta(days=40)),
    ]
    load(lake, chunk(rows))
    counted = '"count" FROM quality WHERE "check" = \'after death\' --'
    assert rows_of(lake, counted) == [(1,)]
    moved = event("p1", 1, code="MEDS_DEATH", time=NOON + timedelta(days=60))
    load(lake, chunk([moved, event("p1", 4, time=NOON + timedelta(days=50))], file="b.csv"))
    assert rows_of(lake, counted) == [(0,), (1,)]

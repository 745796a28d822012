"""Files of one series that name another subject, and what later records tell of stored assets."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ingest.beeps import rows, take, write
from tests.lake.build import chunk, event, load

from biolake.core.errors import DataRefused
from biolake.lake.lake import Lake, init
from biolake.lake.verifying import verify

OTHERS = "its series is that of another subject here"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = init(str(tmp_path / "lake"))
    load(lake, chunk([event("p1", 1), event("p2", 2)]))
    return lake


def series(folder: Path, numbers: range, subject: str | None, **said: object) -> Path:
    for n in numbers:
        write(folder, f"{n}.beep", key="s", file_key=f"uid{n}", subject=subject, **said)
    return folder


def files(lake: Lake) -> list[tuple]:
    return rows(lake, "SELECT files FROM assets")


def turned_away(lake: Lake) -> list[tuple]:
    return rows(lake, "SELECT reason, count(*) FROM quarantine GROUP BY ALL")


@pytest.mark.parametrize(
    ("first", "second"), [("p1", "p2"), ("p1", "p8"), ("p8", "p1"), ("p8", "p9")]
)
def test_a_series_takes_no_files_of_another_subject(
    lake: Lake, tmp_path: Path, first: str, second: str
) -> None:
    take(lake, series(tmp_path / "a", range(4), first))
    before = rows(lake, "SELECT * FROM assets")
    report = take(lake, series(tmp_path / "b", range(4, 8), second))
    assert (report.assets.grown, report.assets.bytes_stored) == (0, 0)
    assert rows(lake, "SELECT * FROM assets") == before
    assert rows(lake, "SELECT count(*) FROM asset_files") == [(4,)]
    assert turned_away(lake) == [(OTHERS, 4)]
    assert verify(lake).problems == ()


@pytest.mark.parametrize(
    ("first", "second"), [("p1", "p1"), ("p8", "p8"), (None, "p1"), ("p1", None), (None, None)]
)
def test_a_series_grows_where_no_other_subject_is_named(
    lake: Lake, tmp_path: Path, first: str | None, second: str | None
) -> None:
    take(lake, series(tmp_path / "a", range(4), first))
    assert take(lake, series(tmp_path / "b", range(4, 8), second)).assets.grown == 1
    assert (files(lake), turned_away(lake)) == ([(8,)], [])


def test_a_waiting_series_grows_when_its_own_subject_came_to_be_known(
    lake: Lake, tmp_path: Path
) -> None:
    take(lake, series(tmp_path / "a", range(4), "p8"))
    assert load(lake, chunk([event("p8", 8)], file="b")).assets.linked_later == 1
    assert take(lake, series(tmp_path / "b", range(4, 8), "p8")).assets.grown == 1
    assert (files(lake), turned_away(lake)) == ([(8,)], [])


def test_a_series_of_one_of_two_subjects_grows_under_the_name_it_has(
    lake: Lake, tmp_path: Path
) -> None:
    load(lake, chunk([event("p1", 11)], people=[("p1", "a", "7", "site")], file="b"))
    take(lake, series(tmp_path / "a", range(2), "7"))
    load(lake, chunk([event("p2", 12)], people=[("p2", "b", "7", "site")], file="c"))
    assert take(lake, series(tmp_path / "b", range(2, 4), "7")).assets.grown == 1
    assert (files(lake), turned_away(lake)) == ([(4,)], [])


def test_one_corrected_file_that_names_another_subject_is_turned_away(
    lake: Lake, tmp_path: Path
) -> None:
    take(lake, series(tmp_path / "a", range(4), "p1"))
    take(lake, series(tmp_path / "b", range(1), "p2"))
    assert (files(lake), turned_away(lake)) == ([(4,)], [(OTHERS, 1)])


def test_a_correction_of_every_file_moves_the_series_and_its_findings(
    lake: Lake, tmp_path: Path
) -> None:
    take(lake, series(tmp_path / "a", range(4), "p1"))
    report = take(lake, series(tmp_path / "b", range(4), "p2"))
    assert (report.assets.corrected, report.assets.relinked) == (1, 1)
    assert (files(lake), turned_away(lake)) == ([(4,)], [])
    assert any("run: biolake extract" in note for note in report.plan.reading.notes)
    assert verify(lake).problems == ()


STAYS = "SELECT encounter_id FROM {} ORDER BY 1 NULLS LAST"


@pytest.mark.parametrize("known", [True, False])
def test_encounters_that_come_later_link_the_assets_they_contain(
    lake: Lake, tmp_path: Path, known: bool
) -> None:
    who = "p1" if known else "p7"
    write(tmp_path / "a", "x.beep", subject=who)
    write(tmp_path / "a", "y.beep", subject="p2", n=1)
    take(lake, tmp_path / "a")
    load(lake, chunk([event(who, 7)], encounters=[("e1", who)], file="b"))
    ((stay,),) = rows(lake, "SELECT encounter_id FROM encounters")
    assert rows(lake, STAYS.format("assets")) == [(stay,), (None,)]
    events = "events WHERE code LIKE 'ASSET%'"
    assert rows(lake, STAYS.format(events)) == [(stay,), (None,)]
    assert verify(lake).problems == ()
    again = load(lake, chunk([event(who, 7)], encounters=[("e1", who)], file="b"))
    assert (again.added, again.outcome.replaced) == (0, 0)


def test_records_after_assets_give_the_same_as_records_before_them(tmp_path: Path) -> None:
    write(tmp_path / "a", "x.beep", subject="p1")
    records = chunk([event("p1", 1)], encounters=[("e1", "p1")])
    found = []
    for first in (True, False):
        lake = init(str(tmp_path / f"lake{first}"))
        if first:
            load(lake, records)
        take(lake, tmp_path / "a")
        if not first:
            load(lake, records)
        found.append(
            rows(lake, "SELECT count(*), count(encounter_id) FROM assets")
            + rows(lake, "SELECT code, count(encounter_id) FROM events GROUP BY 1 ORDER BY 1")
        )
    assert found[0] == found[1]
    assert found[0][0] == (1, 1)


def test_a_site_of_local_times_says_how_to_take_utc(lake: Lake) -> None:
    with pytest.raises(DataRefused) as refused:
        load(lake, chunk([event("p1", 3)], file="b"), clock="utc")
    assert "first load needs --zone" in (refused.value.next or "")
    load(lake, chunk([event("p1", 3)], file="b"), clock="utc", site="other")
    with pytest.raises(DataRefused) as refused:
        load(lake, chunk([event("p1", 4)], file="c"), site="other")
    assert "name this source's time zone" in (refused.value.next or "")
    load(lake, chunk([event("p1", 4)], file="c"), site="other", zone="Europe/Berlin")

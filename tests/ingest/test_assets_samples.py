"""Assets of many samples: each sample is its own subject's, known now or later."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ingest.beeps import NOON, micros, rows, take
from tests.ingest.cohorts import CATALOGUE, write_cohort
from tests.lake.build import chunk, event, load, subject_of

from biolake.lake.asset_samples import AMBIGUOUS, UNKNOWN
from biolake.lake.forgetting import forget
from biolake.lake.lake import Lake, init
from biolake.lake.verifying import verify


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = init(str(tmp_path / "lake"))
    load(made, chunk([event(name, code=f"IS//{name}") for name in ("p1", "p2")]))
    return made


def sound(lake: Lake) -> None:
    assert verify(lake).problems == ()


def samples(lake: Lake) -> list[int | None]:
    found = rows(lake, "SELECT subject_id FROM asset_samples ORDER BY asset_id, number")
    return [subject for (subject,) in found]


def bring(lake: Lake, *pairs: tuple[str, str]) -> None:
    """Load a sample sheet: each subject is known by the name of its sample."""
    people = [(subject, "sample", name, "site") for subject, name in pairs]
    load(lake, chunk(people=people, file=f"sheet-{pairs[0][1]}.csv"))


def test_each_sample_is_linked_to_the_subject_its_name_names(lake: Lake, tmp_path: Path) -> None:
    bring(lake, ("p1", "s1"), ("p2", "s2"))
    write_cohort(tmp_path / "s", "a", "s2", "s1", "s2")
    report = take(lake, tmp_path / "s", reader=CATALOGUE).assets
    one, two = subject_of(lake, "IS//p1"), subject_of(lake, "IS//p2")
    assert samples(lake) == [two, one, two]
    assert (report.added, report.sampled, report.linked, report.unlinked) == (1, 1, 0, 0)
    assert (report.samples_linked, report.samples_unlinked) == (3, 0)
    assert rows(lake, "SELECT subject_id, subject_key FROM assets") == [(None, None)]
    assert rows(lake, "SELECT count(*) FROM events WHERE code LIKE 'ASSET//%'") == [(0,)]
    assert rows(lake, "SELECT rows, part_rows FROM loads WHERE file = 'a.cohort'") == [(3, 3)]
    sound(lake)


def test_a_name_of_nobody_is_told_with_its_row_and_never_by_name(
    lake: Lake, tmp_path: Path
) -> None:
    bring(lake, ("p1", "s1"))
    write_cohort(tmp_path / "s", "a", "s1", "zebra-77")
    report = take(lake, tmp_path / "s", reader=CATALOGUE).assets
    assert (report.samples_linked, report.samples_unlinked) == (1, 1)
    told = rows(lake, 'SELECT file, "row", "column", reason FROM quarantine')
    assert told == [("a.cohort", 2, "sample", UNKNOWN)]
    assert rows(
        lake, "SELECT rows, part_rows, quarantined_rows FROM loads WHERE layout = 'assets'"
    ) == [(2, 1, 1)]
    everything = [
        rows(lake, f"SELECT * FROM {name}")  # noqa: S608 - ours
        for name in ("asset_samples", "assets", "loads")
    ]
    assert "zebra-77" not in repr(everything)
    sound(lake)
    bring(lake, ("p2", "zebra-77"))
    assert samples(lake) == [subject_of(lake, "IS//p1"), subject_of(lake, "IS//p2")]
    sound(lake)


def test_a_sample_numbered_like_somebody_s_record_is_not_theirs(lake: Lake, tmp_path: Path) -> None:
    load(lake, chunk(people=[("p1", "mrn", "1", "site")], file="list.csv"))
    write_cohort(tmp_path / "s", "a", "1")
    report = take(lake, tmp_path / "s", reader=CATALOGUE).assets
    assert (report.samples_linked, report.samples_unlinked) == (0, 1)
    report = take(lake, tmp_path / "s", reader=CATALOGUE, subject_system="mrn").assets
    assert samples(lake) == [subject_of(lake, "IS//p1")]
    commit = lake.commit().number
    take(lake, tmp_path / "s", reader=CATALOGUE, subject_system="mrn")
    assert lake.commit().number == commit
    sound(lake)


def test_a_name_that_names_two_subjects_is_linked_to_neither(lake: Lake, tmp_path: Path) -> None:
    people = [("p1", "sample", "s1", "site"), ("p2", "sample", "s1", "global")]
    people.append(("p2", "other", "s1", "site"))
    load(lake, chunk(people=people, file="sheet.csv"))
    write_cohort(tmp_path / "s", "a", "s1")
    report = take(lake, tmp_path / "s", reader=CATALOGUE).assets
    assert samples(lake) == [None]
    assert rows(lake, "SELECT reason FROM quarantine") == [(AMBIGUOUS,)]
    assert (report.samples_linked, report.samples_unlinked) == (0, 1)
    write_cohort(tmp_path / "t", "b", "s1", "s1")
    report = take(lake, tmp_path / "t", reader=CATALOGUE, subject_system="other").assets
    assert report.samples_linked == 2
    sound(lake)


def test_names_that_a_load_brings_after_the_file_or_in_it_link_its_samples(
    lake: Lake, tmp_path: Path
) -> None:
    write_cohort(tmp_path / "s", "a", "s1", "s2")
    write_cohort(tmp_path / "s", "b", "s2", "s3", system="sample")
    report = take(lake, tmp_path / "s", reader=CATALOGUE).assets
    assert report.samples_unlinked == 4
    found = load(lake, chunk(people=[("p1", "sample", "s2", "site")], file="sheet.csv"))
    assert found.assets.samples_linked_later == 2
    one = subject_of(lake, "IS//p1")
    assert sorted(map(repr, samples(lake))) == sorted(map(repr, [None, one, one, None]))
    sound(lake)


def test_new_subjects_and_lists_make_the_subjects_that_samples_name(
    lake: Lake, tmp_path: Path
) -> None:
    write_cohort(tmp_path / "s", "a", "n1", "n2", "n1")
    take(lake, tmp_path / "s", reader=CATALOGUE, new_subjects=True)
    found = samples(lake)
    assert found[0] == found[2] != found[1]
    write_cohort(tmp_path / "t", "b", "p1", "p7", listed=True, system="mrn")
    take(lake, tmp_path / "t", reader=CATALOGUE)
    assert rows(lake, "SELECT count(*) FROM subjects") == [(5,)]
    assert subject_of(lake, "IS//p1") in samples(lake)
    sound(lake)


def test_the_same_file_again_adds_nothing_and_may_tell_more(lake: Lake, tmp_path: Path) -> None:
    path = write_cohort(tmp_path / "s", "a", "s1", "s2", times={"s1": micros(NOON)})
    take(lake, tmp_path / "s", reader=CATALOGUE)
    assert take(lake, tmp_path / "s", reader=CATALOGUE).plan.nothing_new
    other = tmp_path / "t" / "b.cohort"
    other.parent.mkdir()
    other.write_bytes(path.read_bytes())
    report = take(lake, tmp_path / "t", reader=CATALOGUE, new_subjects=True).assets
    assert (report.added, report.known, report.samples_linked_later) == (0, 1, 2)
    assert None not in samples(lake)
    assert rows(lake, "SELECT time FROM asset_samples ORDER BY number") == [(NOON,), (None,)]
    sound(lake)


def test_a_corrected_file_brings_its_own_samples(lake: Lake, tmp_path: Path) -> None:
    bring(lake, ("p1", "s1"), ("p2", "s2"))
    write_cohort(tmp_path / "s", "a", "s1", "s2", key="study")
    take(lake, tmp_path / "s", reader=CATALOGUE)
    write_cohort(tmp_path / "s", "a", "s2", key="study")
    report = take(lake, tmp_path / "s", reader=CATALOGUE).assets
    assert (report.corrected, report.samples_linked) == (1, 1)
    assert samples(lake) == [subject_of(lake, "IS//p2")]
    sound(lake)


@pytest.mark.parametrize("said", [{"times": {"s1": 10**18}}, {"samples": ["s1", ""]}])
def test_a_sample_without_a_name_or_with_an_impossible_time_keeps_the_file_out(
    lake: Lake, tmp_path: Path, said: dict[str, object]
) -> None:
    write_cohort(tmp_path / "s", "a", "s1", **said)
    report = take(lake, tmp_path / "s", reader=CATALOGUE).assets
    assert report.added == 0
    assert rows(lake, "SELECT count(*) FROM asset_samples") == [(0,)]
    assert rows(lake, "SELECT count(*) FROM quarantine") == [(1,)]
    sound(lake)


def test_forgetting_a_subject_takes_the_whole_asset_that_holds_its_sample(
    lake: Lake, tmp_path: Path
) -> None:
    bring(lake, ("p1", "s1"), ("p2", "s2"))
    write_cohort(tmp_path / "s", "a", "s1", "s2", "s9")
    write_cohort(tmp_path / "s", "b", "s2", "s2")
    take(lake, tmp_path / "s", reader=CATALOGUE)
    (Path(lake.root) / "index").mkdir()
    (Path(lake.root) / "index" / "words").write_bytes(b"of p1")
    second = subject_of(lake, "IS//p2")
    report = forget(lake, subject_of(lake, "IS//p1"))
    assert report.scan.hits == ()
    assert report.rows["asset_samples"] == 3
    assert rows(lake, "SELECT subject_id FROM asset_samples") == [(second,), (second,)]
    assert rows(lake, "SELECT count(*) FROM assets") == [(1,)]
    (lost,) = (note for note in report.scan.notes if "many samples" in note)
    assert "1 assets of many samples" in lost
    assert "2 samples of 1 other subjects" in lost
    assert not (Path(lake.root) / "index").exists()
    assert any("index" in note for note in report.scan.notes)
    sound(lake)
    again = take(lake, tmp_path / "s", reader=CATALOGUE).assets
    assert (again.added, again.forgotten) == (0, 1)
    write_cohort(tmp_path / "t", "c", "s2", "s9")
    assert take(lake, tmp_path / "t", reader=CATALOGUE).assets.added == 1
    write_cohort(tmp_path / "u", "d", "s2", "s1")
    barred = take(lake, tmp_path / "u", reader=CATALOGUE).assets
    assert (barred.added, barred.forgotten) == (0, 1)
    sound(lake)


def test_forgetting_leaves_a_corrected_file_without_the_sample_and_takes_what_it_was(
    lake: Lake, tmp_path: Path
) -> None:
    bring(lake, ("p1", "s1"), ("p2", "s2"))
    write_cohort(tmp_path / "s", "a", "s1", "s2", key="study")
    take(lake, tmp_path / "s", reader=CATALOGUE)
    old = rows(lake, "SELECT asset_id FROM assets")
    write_cohort(tmp_path / "s", "a", "s2", key="study")
    take(lake, tmp_path / "s", reader=CATALOGUE)
    new = rows(lake, "SELECT asset_id FROM assets")
    assert new != old
    report = forget(lake, subject_of(lake, "IS//p1"))
    assert report.scan.hits == ()
    assert rows(lake, "SELECT asset_id FROM assets") == new
    assert samples(lake) == [subject_of(lake, "IS//p2")]
    sound(lake)


def test_an_asset_of_a_sample_that_may_be_the_subject_s_goes_with_it(
    lake: Lake, tmp_path: Path
) -> None:
    people = [("p1", "sample", "s1", "site"), ("p2", "sample", "s1", "global")]
    load(lake, chunk(people=people, file="a.csv"))
    write_cohort(tmp_path / "s", "a", "s1", "s2")
    take(lake, tmp_path / "s", reader=CATALOGUE)
    report = forget(lake, subject_of(lake, "IS//p2"))
    assert report.scan.hits == ()
    assert rows(lake, "SELECT count(*) FROM asset_samples") == [(0,)]
    sound(lake)


@pytest.mark.parametrize("stage", ["read", "write", "before commit"])
def test_a_load_that_dies_leaves_no_sample_and_goes_through_the_second_time(
    lake: Lake, tmp_path: Path, stage: str
) -> None:
    bring(lake, ("p1", "s1"))
    write_cohort(tmp_path / "s", "a", "s1", "s2")
    before = lake.commit().number

    def die(reached: str) -> None:
        if reached == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(lake, tmp_path / "s", reader=CATALOGUE, stage=die)
    assert (lake.commit().number, samples(lake)) == (before, [])
    take(lake, tmp_path / "s", reader=CATALOGUE)
    assert samples(lake) == [subject_of(lake, "IS//p1"), None]
    sound(lake)

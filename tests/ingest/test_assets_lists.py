"""A list of files in the source's own rows says whose its assets are."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.ingest.beeps import NOON, READER, micros, rows, take, write

from biolake.core.assets import FoundAsset, FoundSample
from biolake.core.catalogue import Catalogue, reader
from biolake.core.reading import Chunk, ReadContext, Reading, SourceFile, SubjectSystem, Tally
from biolake.core.schema import MAPPED_ASSETS
from biolake.ingest.asset_links import OF_MANY, AssetLinks
from biolake.lake.lake import Lake, init
from biolake.lake.verifying import verify

import pyarrow as pa  # isort: skip


@reader("A list of files, for tests", detect=lambda path: (path / "list.csv").is_file())
def listing(path: Path, context: ReadContext) -> Reading:
    file = SourceFile(path / "list.csv", "list.csv")

    def chunks(files: tuple[SourceFile, ...]) -> object:
        for one in files:
            lines = one.path.read_text().splitlines()
            split = [f"{line},".split(",")[:5] for line in lines]
            said = [
                {
                    "file": f,
                    "subject": s,
                    "encounter": e or None,
                    "time": NOON if t else None,
                    "modality": m or None,
                }
                for f, s, e, t, m in split
            ]
            links = pa.Table.from_pylist(said, MAPPED_ASSETS)
            yield Chunk(one, "list", Tally(len(said), 0, len(said)), asset_links=links)

    return Reading("listing", "1", SubjectSystem("mrn"), "local", (file,), chunks)  # type: ignore[arg-type]


CATALOGUE = Catalogue((listing, READER))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return init(str(tmp_path / "lake"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write(tmp_path / "source", "a/x.beep", start=None)
    write(tmp_path / "source", "a/y.beep", subject="somebody", n=1)
    return tmp_path / "source"


def linked(lake: Lake) -> list[tuple]:
    return rows(
        lake,
        "SELECT f.name, a.subject_id, a.time, a.encounter_id IS NOT NULL FROM assets a"
        " JOIN asset_files f USING (asset_id) ORDER BY f.name",
    )


def test_a_list_links_files_with_or_without_their_suffix_and_says_when(
    lake: Lake, source: Path
) -> None:
    (source / "list.csv").write_text("a/x,1,e7,t\n./a/y.beep,2,,\n")
    report = take(lake, source, reader=CATALOGUE)
    assert (report.assets.linked, report.load.added) == (2, 2)
    (x, y) = linked(lake)
    assert x[1] != y[1]
    assert (x[2:], y[2:]) == ((NOON, True), (NOON, False))
    assert rows(lake, "SELECT end_time FROM events ORDER BY subject_id = 0 LIMIT 1") == [
        (NOON + timedelta(seconds=10),)
    ]
    assert verify(lake).problems == ()
    assert take(lake, source, reader=CATALOGUE).load.commit is None


def test_a_list_that_comes_later_links_what_is_stored(lake: Lake, source: Path) -> None:
    assert take(lake, source, reader=CATALOGUE).assets.unlinked == 2
    (source / "list.csv").write_text("a/x,1,,t\n")
    report = take(lake, source, reader=CATALOGUE)
    assert (report.assets.linked_later, report.assets.bytes_stored) == (1, 0)
    assert [row[1] is None for row in linked(lake)] == [False, True]
    assert verify(lake).problems == ()


def test_a_corrected_list_moves_an_asset_to_the_right_subject(lake: Lake, source: Path) -> None:
    (source / "list.csv").write_text("a/x,1,,t\na/y,2,,\n")
    take(lake, source, reader=CATALOGUE)
    ((_, _, *_), (_, second, *_)) = linked(lake)
    (source / "list.csv").write_text("a/x,2,,t\na/y,2,,\n")
    report = take(lake, source, reader=CATALOGUE)
    assert report.assets.relinked == 1
    assert {row[1] for row in linked(lake)} == {second}
    assert rows(lake, "SELECT subject_id, count(*) FROM events GROUP BY ALL") == [(second, 2)]
    assert verify(lake).problems == ()


def test_a_file_listed_under_two_subjects_stays_unlinked(lake: Lake, source: Path) -> None:
    (source / "list.csv").write_text("a/x,1,,t\na/x.beep,2,,t\na/y,1,,\na/y,2,,\n")
    report = take(lake, source, reader=CATALOGUE)
    assert report.assets.unlinked == 2
    assert "listed under two subjects (2)" in report.plan.reading.notes


def test_the_same_content_listed_for_two_subjects_stays_with_the_first(
    lake: Lake, source: Path
) -> None:
    (source / "b").mkdir()
    (source / "b" / "x.beep").write_bytes((source / "a" / "x.beep").read_bytes())
    (source / "list.csv").write_text("a/x,1,,t\nb/x,2,,t\n")
    report = take(lake, source, reader=CATALOGUE)
    assert (report.assets.known, report.assets.conflicts) == (1, 1)
    assert rows(lake, "SELECT count(*) FROM events") == [(1,)]
    assert verify(lake).problems == ()


def test_times_of_a_list_are_of_the_sites_clock_and_converted_with_it(
    lake: Lake, source: Path
) -> None:
    (source / "list.csv").write_text("a/x,1,,t\n")
    take(lake, source, reader=CATALOGUE, zone="Europe/Berlin")
    assert linked(lake)[0][2] == NOON - timedelta(hours=1)


@pytest.mark.parametrize(("said", "kept"), [("photograph", "xray"), ("ecg", "ecg")])
def test_a_list_says_what_a_picture_shows_and_nothing_else(
    lake: Lake, source: Path, said: str, kept: str
) -> None:
    write(source, "a/x.beep", modality=said)
    (source / "list.csv").write_text("a/x,1,,t,xray\n")
    report = take(lake, source, reader=CATALOGUE)
    assert rows(lake, "SELECT modality FROM assets WHERE subject_id IS NOT NULL") == [(kept,)]
    told = any("another kind of data" in note for note in report.plan.reading.notes)
    assert told == (kept == "ecg")


def test_a_list_says_whose_the_one_sample_of_a_file_is_and_nothing_of_many():
    links = AssetLinks()
    said = {"subject": "7", "encounter": None, "time": NOON, "modality": None}
    names = ("one.vcf", "many.vcf")
    links.take(pa.Table.from_pylist([said | {"file": n} for n in names], MAPPED_ASSETS))
    sample = FoundSample("2")
    one, many = (
        FoundAsset("genotype", (SourceFile(name, name),), samples=(sample,) * count)
        for name, count in zip(names, (1, 2), strict=True)
    )
    found, fault = links.of(one)
    assert (found.subject, found.listed, fault) == (None, True, "")
    assert [(each.name, each.time) for each in found.samples] == [("7", micros(NOON))]
    assert links.of(many) == (many, OF_MANY)

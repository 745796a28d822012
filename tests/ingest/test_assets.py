"""Files too big for a row come into the lake: stored once, linked, timed, accounted for."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tarfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.ingest.beeps import CATALOGUE, NOON, READER, catalogue, micros, rows, take, write
from tests.ingest.labs import LABS, SUBJECTS, make
from tests.lake.build import chunk, event, load

from biolake.core.catalogue import Catalogue
from biolake.core.errors import DataRefused, SetupMissing, SourceUnreadable
from biolake.core.reading import SubjectSystem
from biolake.ingest.pipeline import ingest
from biolake.lake import packs
from biolake.lake.assets import AssetIndex, PackReader, StoredContent, find_assets
from biolake.lake.door import open_view
from biolake.lake.forgetting import forget
from biolake.lake.lake import Lake, init, open_lake
from biolake.lake.maintenance import compact
from biolake.lake.sweeping import leftovers
from biolake.lake.verifying import verify

ADDED = "events, added, known, superseded FROM loads ORDER BY load_id"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return init(str(tmp_path / "lake"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "source"


def sound(lake: Lake) -> None:
    found = verify(lake)
    assert found.problems == ()
    assert found.leftovers == ()


def test_a_folder_of_assets_is_stored_once_and_the_same_folder_again_adds_nothing(
    lake: Lake, source: Path
) -> None:
    for n in range(5):
        write(source, f"a/{n}.beep", n=n)
    (source / "a" / "README.txt").write_text("read me")
    (source / ".hidden.beep").write_text("{}")
    report = take(lake, source)
    assert (report.assets.added, report.assets.unlinked, report.assets.packs) == (5, 5, 1)
    assert report.assets.modalities == {"ecg": 5}
    assert rows(lake, "SELECT format, kind, seconds, shape, attributes FROM assets LIMIT 1") == [
        ("beep", "beep", 10.0, [1, 4], '{"leads": [1, 2]}')
    ]
    assert rows(lake, 'SELECT "table", rows, part_rows, skipped FROM loads ORDER BY 1 DESC') == [
        ("other files", 1, 0, '{"no reader takes this kind of file": 1}'),
        *[("beep", 1, 1, "{}")] * 5,
    ]
    assert lake.commit().counts["assets"] == 5
    sound(lake)
    assert take(lake, source).load.commit is None
    assert lake.commit().number == 1


def test_a_pack_is_a_plain_tar_file_whose_members_the_index_finds(lake: Lake, source: Path) -> None:
    (source / "s").mkdir(parents=True)
    (source / "s" / "wave.dat").write_bytes(b"\x00\x01" * 700)
    (source / "s" / "scan.NII.GZ").write_bytes(b"zipped")
    first = write(source, "s/x.beep", parts=["wave.dat", "scan.NII.GZ"])
    take(lake, source)
    ((asset, size, files),) = rows(lake, "SELECT asset_id, bytes, files FROM assets")
    paths = [first, source / "s" / "wave.dat", source / "s" / "scan.NII.GZ"]
    hashes = sorted(hashlib.sha256(p.read_bytes()).hexdigest() for p in paths)
    assert asset == hashlib.sha256("\n".join(hashes).encode()).hexdigest()
    assert (files, size) == (3, sum(p.stat().st_size for p in paths))
    ((pack,),) = rows(lake, "SELECT DISTINCT pack FROM asset_files")
    listed = rows(lake, 'SELECT name, "offset", length FROM asset_files ORDER BY number')
    with tarfile.open(Path(lake.root) / pack) as opened:
        members = opened.getmembers()
        assert [m.name for m in members] == [
            f"{asset}.0000.beep",
            f"{asset}.0001.dat",
            f"{asset}.0002.nii.gz",
        ]
        assert [(m.offset_data, m.size) for m in members] == [row[1:] for row in listed]
    out = subprocess.run(
        ["/bin/tar", "-xOf", str(Path(lake.root) / pack), f"{asset}.0001.dat"],
        check=True,
        capture_output=True,
    )
    assert out.stdout == paths[1].read_bytes()
    with open_view(lake) as view, StoredContent(view, asset) as content:
        assert content.names == ("x.beep", "wave.dat", "scan.NII.GZ")
        assert [content.read(name) for name in content.names] == [p.read_bytes() for p in paths]
        copy = content.path("wave.dat")
        assert copy.read_bytes() == paths[1].read_bytes()
        assert content.path("wave.dat") == copy
        with pytest.raises(FileNotFoundError):
            content.read("other.dat")
    assert not copy.exists()


def test_equal_bytes_are_stored_once_and_listed_by_each_asset(lake: Lake, source: Path) -> None:
    (source / "a").mkdir(parents=True)
    (source / "a" / "shared.dat").write_bytes(b"same" * 1000)
    write(source, "a/x.beep", parts=["shared.dat"], n=1)
    write(source, "a/y.beep", parts=["shared.dat"], n=2)
    write(source, "a/z.beep", n=3)
    (source / "b").mkdir()
    (source / "b" / "z.beep").write_bytes((source / "a" / "z.beep").read_bytes())
    report = take(lake, source)
    assert (report.assets.added, report.assets.known) == (3, 1)
    assert rows(lake, "SELECT count(*), count(DISTINCT sha256) FROM asset_files") == [(5, 4)]
    assert rows(lake, 'SELECT count(DISTINCT "offset") FROM asset_files') == [(4,)]
    assert rows(lake, "SELECT sum(rows), sum(part_rows) FROM loads") == [(5, 5)]
    write(source / "later", "w.beep", parts=["shared.dat"], n=4)
    (source / "later" / "shared.dat").write_bytes(b"same" * 1000)
    assert take(lake, source / "later").assets.bytes_stored < 4000
    sound(lake)


def test_an_identifier_known_here_links_and_gives_one_event(lake: Lake, source: Path) -> None:
    load(lake, chunk([event("p1", 1), event("p2", 2)]))
    write(source, "x.beep", subject="p1")
    report = take(lake, source)
    assert (report.assets.linked, report.load.added) == (1, 1)
    ((subject,),) = rows(lake, "SELECT subject_id FROM assets")
    ((p1,),) = rows(lake, "SELECT subject_id FROM events WHERE code LIKE 'LAB%' AND row_key = 1")
    assert subject == p1
    found = rows(lake, "SELECT time, end_time, source, text_value FROM events WHERE code LIKE 'A%'")
    ((asset,),) = rows(lake, "SELECT asset_id FROM assets")
    assert found == [(NOON, NOON + timedelta(seconds=10), "beep", asset)]
    assert rows(lake, "SELECT description, events FROM codes WHERE code = 'ASSET//ecg'") == [
        ("an asset of this kind: electrocardiogram", 1)
    ]
    sound(lake)


def test_an_unknown_identifier_waits_and_is_linked_when_a_later_load_brings_it(
    lake: Lake, source: Path
) -> None:
    write(source, "x.beep", subject="p1")
    write(source, "y.beep", subject="p9")
    assert take(lake, source).assets.unlinked == 2
    assert rows(lake, "SELECT count(subject_id), count(subject_key) FROM assets") == [(0, 2)]
    assert b"p1" not in b"".join(
        p.read_bytes() for p in Path(lake.root, "assets").rglob("*.parquet")
    )
    report = load(lake, chunk([event("p1", 1)]))
    assert report.assets.linked_later == 1
    assert rows(lake, "SELECT count(subject_id), count(subject_key) FROM assets") == [(1, 1)]
    assert rows(lake, "SELECT count(*) FROM events WHERE code = 'ASSET//ecg'") == [(1,)]
    sound(lake)
    assert load(lake, chunk([event("p1", 1), event("p2", 3)], file="b")).assets.linked_later == 0
    sound(lake)


def test_an_identifier_of_two_subjects_stays_unlinked_unless_its_system_is_named(
    lake: Lake, source: Path
) -> None:
    load(lake, chunk([event("7", 1)]))
    load(lake, chunk([event("7", 1)], table="other"), subjects=SubjectSystem("visit"))
    write(source, "x.beep", subject="7")
    report = take(lake, source)
    assert (report.assets.unlinked, report.assets.ambiguous) == (1, 1)
    load(lake, chunk([event("7", 1)], table="third"), subjects=SubjectSystem("third"))
    assert rows(lake, "SELECT count(subject_id) FROM assets") == [(0,)]
    write(source, "y.beep", subject="7", n=1)
    told = take(lake, source, subject_system="mrn").assets
    assert (told.linked, told.linked_later) == (1, 1)
    assert rows(lake, "SELECT count(DISTINCT subject_id) FROM assets") == [(1,)]
    sound(lake)


def test_an_identifier_of_another_site_is_not_followed(lake: Lake, source: Path) -> None:
    load(lake, chunk([event("7", 1)]), site="north")
    write(source, "x.beep", subject="7")
    assert take(lake, source).assets.unlinked == 1


def test_new_subjects_are_made_only_when_asked(lake: Lake, source: Path) -> None:
    write(source, "x.beep", subject="p1", system="pacs")
    report = take(lake, source, new_subjects=True)
    assert report.assets.linked == 1
    assert rows(lake, "SELECT count(*) FROM subjects") == [(1,)]
    load(lake, chunk([event("p1", 1)]), subjects=SubjectSystem("pacs"))
    assert rows(lake, "SELECT count(*) FROM subjects") == [(1,)]
    sound(lake)


def test_an_asset_links_to_the_one_encounter_that_contains_its_start(
    lake: Lake, source: Path
) -> None:
    load(lake, chunk([event("p1", 1)], encounters=[("e1", "p1")]))
    load(lake, chunk([event("p2", 2)], encounters=[("e2", "p2"), ("e3", "p2")], file="b"))
    write(source, "x.beep", subject="p1")
    write(source, "y.beep", subject="p1", start=micros(NOON) + 1, n=1)
    write(source, "z.beep", subject="p2", n=2)
    take(lake, source)
    ((stay,),) = rows(
        lake,
        "SELECT encounter_id FROM encounters WHERE subject_id IN"
        " (SELECT subject_id FROM events WHERE row_key = 1)",
    )
    assert rows(lake, "SELECT encounter_id FROM assets ORDER BY encounter_id NULLS LAST") == [
        (stay,),
        (None,),
        (None,),
    ]
    told = rows(
        lake, "SELECT encounter_id FROM events WHERE code LIKE 'ASSET%' ORDER BY 1 NULLS LAST"
    )
    assert told == [(stay,), (None,), (None,)]
    sound(lake)


def test_an_asset_without_a_time_gives_no_event(lake: Lake, source: Path) -> None:
    load(lake, chunk([event("p1", 1)]))
    write(source, "x.beep", subject="p1", start=None)
    report = take(lake, source)
    assert (report.assets.linked, report.assets.untimed) == (1, 1)
    assert rows(lake, "SELECT count(*) FROM events WHERE code LIKE 'ASSET%'") == [(0,)]
    assert "events dropped: beep/asset: no time (1)" in report.plan.reading.notes
    sound(lake)


def test_a_growing_series_becomes_one_asset_with_all_its_files(lake: Lake, source: Path) -> None:
    load(lake, chunk([event("p1", 1)]))
    write(source, "1.beep", key="s1", subject="p1", n=1)
    write(source, "2.beep", key="s1", subject="p1", n=2)
    take(lake, source)
    ((before,),) = rows(lake, "SELECT asset_id FROM assets")
    later = source.parent / "later"
    write(later, "3.beep", key="s1", subject="p1", n=3)
    report = take(lake, later)
    assert (report.assets.added, report.assets.grown) == (0, 1)
    ((after, shape, files),) = rows(lake, "SELECT asset_id, shape, files FROM assets")
    assert after != before
    assert (shape, files) == ([3, 4], 3)
    assert rows(lake, "SELECT text_value FROM events WHERE code = 'ASSET//ecg'") == [(after,)]
    sound(lake)
    write(later, "4.beep", n=9)
    assert take(lake, later).assets.known == 1
    sound(lake)


def test_files_that_cannot_be_read_are_quarantined_and_the_rest_is_taken(
    lake: Lake, source: Path
) -> None:
    write(source, "good.beep")
    (source / "bad.beep").write_text("{")
    write(source, "odd.beep", modality="telepathy", n=1)
    write(source, "far.beep", start=1 << 62, n=2)
    write(source, "lost.beep", ignored=True)
    (source / "away.beep").symlink_to("/etc/hostname")
    (source / os.fsdecode(b"caf\xe9.beep")).write_text("{}")
    report = take(lake, source)
    assert report.assets.added == 1
    reasons = dict(rows(lake, "SELECT file, reason FROM quarantine"))
    assert reasons == {
        "bad.beep": "it is no JSON",
        "odd.beep": "the reader gave an unknown kind of data",
        "far.beep": "its time lies outside the years 1 to 9999",
        "lost.beep": "belongs to no asset that its reader found",
        "away.beep": "a link that leads out of the source",
        "caf\\udce9.beep": "the file's name is not UTF-8",
    }
    assert (
        rows(lake, "SELECT item FROM quality WHERE \"check\" = 'unexplained rows' AND count > 0")
        == []
    )
    sound(lake)
    assert take(lake, source).load.commit is None


def test_a_reader_that_breaks_costs_only_what_it_had_not_told(lake: Lake, source: Path) -> None:
    write(source, "x.beep", explodes=True)
    write(source, "y.beep", n=1)
    take(lake, source)
    assert (
        rows(lake, "SELECT reason FROM quarantine")
        == [("the reader failed (ZeroDivisionError)",)] * 2
    )
    assert take(lake, source, reader=catalogue("2")).load.commit is not None  # a new version: again


def test_a_quarantined_file_is_tried_again_when_its_folder_has_a_new_one(
    lake: Lake, source: Path
) -> None:
    write(source, "x.beep")
    (source / "bad.beep").write_text("{")
    take(lake, source)
    write(source, "y.beep", n=1)
    take(lake, source)
    assert rows(lake, "SELECT load_id FROM quarantine ORDER BY 1") == [
        ("L0000000001",),
        ("L0000000002",),
    ]


@pytest.mark.parametrize("offset", [None, 0, 60, -300])
def test_a_site_that_keeps_local_time_takes_times_as_written(
    lake: Lake, source: Path, offset: int | None
) -> None:
    load(lake, chunk([event("p1", 1)]))
    write(source, "x.beep", offset=offset, subject="p1")
    take(lake, source)
    assert rows(lake, "SELECT time FROM assets") == [(NOON,)]
    assert rows(lake, "SELECT time FROM events WHERE code LIKE 'ASSET%'") == [(NOON,)]
    sound(lake)


def test_a_site_that_keeps_utc_takes_the_offset_told_before_the_zone(
    lake: Lake, source: Path
) -> None:
    write(source, "x.beep", offset=0)
    write(source, "y.beep", offset=-300, n=1)
    write(source, "z.beep", n=2)
    take(lake, source, zone="Europe/Berlin")
    found = rows(lake, "SELECT name, time, end_time FROM assets JOIN asset_files USING (asset_id)")
    hours = {name: (time - NOON).total_seconds() / 3600 for name, time, _ in found}
    assert hours == {"x.beep": 0, "y.beep": 5, "z.beep": -1}
    assert {(end - time).total_seconds() for _, time, end in found} == {10}


def test_a_new_site_whose_files_tell_another_offset_keeps_local_time(
    lake: Lake, source: Path
) -> None:
    write(source, "x.beep", offset=0)
    write(source, "y.beep", offset=60, n=1)
    take(lake, source)
    assert rows(lake, "SELECT clock FROM sites") == [("local",)]
    assert rows(lake, "SELECT count(*) FROM assets WHERE time = TIMESTAMP '2150-03-01 12:00'") == [
        (2,)
    ]


def test_a_zone_turns_local_times_into_utc_and_a_new_site_takes_the_clock_of_its_files(
    lake: Lake, source: Path
) -> None:
    write(source, "x.beep")
    take(lake, source, zone="Europe/Berlin", site="berlin")
    assert rows(lake, "SELECT time FROM assets") == [(NOON - timedelta(hours=1),)]
    write(source, "y.beep", offset=0, n=1)
    (source / "x.beep").unlink()
    take(lake, source, site="cloud")
    assert rows(lake, "SELECT site_id, clock FROM sites ORDER BY 1") == [
        ("berlin", "utc"),
        ("cloud", "utc"),
    ]
    write(source, "z.beep", n=2)
    report = take(lake, source, site="cloud")
    assert any("--zone" in note for note in report.plan.reading.notes)
    assert rows(lake, "SELECT count(time), count(*) FROM assets") == [(2, 3)]
    write(source, "w.beep", n=3)
    (source / "w2.beep").write_text("{")
    assert take(lake, source, site="cloud", zone="Europe/Berlin").assets.known == 2
    assert rows(lake, "SELECT count(time), count(*) FROM assets") == [(4, 4)]


def test_a_file_that_changes_while_it_is_read_stops_the_load(lake: Lake, source: Path) -> None:
    path = write(source, "x.beep")

    def change(stage: str) -> None:
        if stage == "read":
            path.write_text(path.read_text().replace("x.beep", "y.beep"))

    with pytest.raises(SourceUnreadable, match="changed while it was read"):
        take(lake, source, stage=change)
    assert lake.commit().number == 0


def test_many_small_files_share_few_packs(
    lake: Lake, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs.PackWriter.__init__, "__kwdefaults__", {"largest": 1 << 20})
    for n in range(3000):
        write(source, f"{n % 10}/{n:05d}.beep", n=n)
    report = take(lake, source)
    assert report.assets.added == 3000
    assert 2 < report.assets.packs < 8
    sizes = [p.stat().st_size for p in Path(lake.root, "packs").iterdir()]
    assert max(sizes) <= 1 << 20
    sound(lake)


def test_a_member_larger_than_a_pack_lies_alone(tmp_path: Path) -> None:
    lake = init(str(tmp_path / "lake"))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    writer = packs.PackWriter(lake.store, scratch, "L1", largest=4096)

    def fill(size: int) -> packs.Place:
        return writer.add_part(f"m{size}", size, lambda out: out.write(b"x" * size))

    places = [fill(n) for n in (1000, 9000, 1000, 1)]
    writer.close()
    assert len({p.pack for p in places[:2]}) == 2
    assert places[1].pack != places[2].pack == places[3].pack
    for key in writer.written:
        with tarfile.open(Path(lake.root) / key) as opened:
            assert [m.name for m in opened]


STAGES = ["plan", "read", "write", "before commit", "after commit"]
CHILD = """
import os, signal
from tests.ingest.beeps import CATALOGUE
from biolake.ingest.pipeline import ingest
from biolake.lake.lake import open_lake
def stage(name):
    if name == {stage!r}:
        os.kill(os.getpid(), signal.SIGKILL)
ingest(open_lake({lake!r}), {source!r}, CATALOGUE, stage=stage)
"""


@pytest.mark.parametrize("stage", STAGES)
def test_a_load_of_assets_killed_at_any_stage_leaves_the_last_commit(
    lake: Lake, source: Path, stage: str
) -> None:
    for n in range(5):
        write(source, f"{n}.beep", n=n)
    code = CHILD.format(stage=stage, lake=lake.root, source=str(source))
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(root), str(root / "src")])
    child = subprocess.run(
        [sys.executable, "-c", code], check=False, env=os.environ | {"PYTHONPATH": path}
    )
    assert child.returncode == -signal.SIGKILL
    landed = stage == "after commit"
    assert open_lake(lake.root).commit().number == landed
    assert verify(lake).problems == ()
    assert take(lake, source).assets.added == (0 if landed else 5)
    assert rows(lake, "SELECT count(*) FROM assets") == [(5,)]
    stray = leftovers(lake)
    assert all(key.startswith("packs/") or ".parquet" in key for key in stray)
    compact(lake)
    sound(lake)


def test_records_and_assets_of_one_folder_are_one_load(tmp_path: Path) -> None:
    lake = init(str(tmp_path / "lake"), subject_ids="source")
    source = make(tmp_path / "source")
    mapping = str(source / "labs.yaml")
    plain = ingest(lake, str(source), CATALOGUE, mapping=mapping)
    assert rows(lake, 'SELECT "table" FROM loads ORDER BY 1') == [("labevents",), ("patients",)]
    assert plain.load.added == LABS + SUBJECTS
    write(source, "ecg/x.beep", subject="3")
    write(source, "ecg/y.beep", subject="unknown")
    report = ingest(lake, str(source), CATALOGUE, mapping=mapping)
    assert (report.assets.linked, report.assets.unlinked, report.load.added) == (1, 1, 1)
    assert rows(lake, "SELECT subject_id FROM assets WHERE subject_id IS NOT NULL") == [(3,)]
    assert rows(lake, "SELECT file FROM loads WHERE \"table\" = 'other files'") == [("labs.yaml",)]
    assert lake.commit().settings == {"subject_id_system": "labs"}
    sound(lake)


def test_a_source_of_assets_alone_leaves_the_id_system_of_a_lake_open(tmp_path: Path) -> None:
    lake = init(str(tmp_path / "lake"), subject_ids="source")
    write(tmp_path / "images", "x.beep", subject="3")
    take(lake, tmp_path / "images")
    source = make(tmp_path / "source")
    report = ingest(lake, str(source), CATALOGUE, mapping=str(source / "labs.yaml"))
    assert report.assets.linked_later == 1
    sound(lake)


def test_a_forgotten_subject_leaves_no_byte_and_its_assets_do_not_come_back(
    lake: Lake, source: Path
) -> None:
    load(lake, chunk([event("p1", 1), event("p2", 2)]))
    (source / "a").mkdir(parents=True)
    (source / "a" / "shared.dat").write_bytes(b"shared" * 99)
    (source / "a" / "own.dat").write_bytes(b"only of p1" * 99)
    write(source, "a/x.beep", subject="p1", parts=["shared.dat", "own.dat"])
    write(source, "a/y.beep", subject="p2", parts=["shared.dat"])
    write(source, "a/s1.beep", subject="p1", key="series", n=1)
    write(source, "a/z.beep", n=3)
    take(lake, source)
    write(source, "a/s2.beep", subject="p1", key="series", n=2)
    take(lake, source)
    assert rows(lake, "SELECT count(*) FROM assets") == [(4,)]
    ((p1,),) = rows(lake, "SELECT subject_id FROM events WHERE row_key = 1")
    report = forget(lake, p1)
    assert report.rows["assets"] == 2
    assert report.scan.hits == ()
    assert any("stay" in note for note in report.scan.notes)
    stored = b"".join(p.read_bytes() for p in Path(lake.root, "packs").iterdir())
    assert b"only of p1" not in stored
    assert b"series" not in stored
    assert b"shared" in stored
    sound(lake)
    assert rows(lake, "SELECT count(*) FROM assets") == [(2,)]
    with open_view(lake) as view:
        for row in find_assets(view):
            with StoredContent(view, row.asset_id) as content:
                assert all(content.read(name) for name in content.names)
    assert lake.commit().counts["assets"] == 2
    again = source.parent / "again"
    write(again, "x.beep", subject="p1", n=7)
    report = take(lake, again)
    assert (report.assets.forgotten, report.assets.bytes_stored) == (1, 0)
    assert rows(lake, "SELECT skipped FROM loads WHERE file = 'x.beep'") == [
        ('{"its subject was forgotten": 1}',)
    ]
    sound(lake)


def test_the_only_subject_of_its_system_forgotten_is_still_refused(
    lake: Lake, source: Path
) -> None:
    load(lake, chunk([event("p1", 1)]))
    ((p1,),) = rows(lake, "SELECT subject_id FROM events")
    forget(lake, p1)
    write(source, "x.beep", subject="p1")
    assert take(lake, source).assets.forgotten == 1
    assert not Path(lake.root, "packs").exists()


def test_an_asset_that_was_linked_late_is_forgotten_in_every_commit(
    lake: Lake, source: Path
) -> None:
    write(source, "x.beep", subject="p1")
    write(source, "y.beep", n=1)
    take(lake, source)
    load(lake, chunk([event("p1", 1)]))
    ((p1,),) = rows(lake, "SELECT subject_id FROM subjects")
    report = forget(lake, p1)
    assert report.redacted == (1, 2)
    assert report.scan.hits == ()
    sound(lake)


@pytest.mark.parametrize("what", ["missing", "damaged", "cut"])
def test_verify_finds_a_pack_that_is(lake: Lake, source: Path, what: str) -> None:
    write(source, "x.beep")
    take(lake, source)
    (pack,) = Path(lake.root, "packs").iterdir()
    if what == "missing":
        pack.unlink()
    elif what == "damaged":
        data = bytearray(pack.read_bytes())
        data[520] ^= 1
        pack.write_bytes(data)
    else:
        pack.write_bytes(pack.read_bytes()[:520])
    problems = verify(lake).problems
    assert [p.table for p in problems] == ["asset_files"]
    assert problems[0].file.startswith("packs/")


def test_compaction_joins_the_tables_and_keeps_every_answer(lake: Lake, source: Path) -> None:
    for n in range(3):
        write(source / str(n), "x.beep", subject=f"p{n}", n=n)
        take(lake, source / str(n))
    before = rows(lake, "SELECT * FROM assets ORDER BY asset_id")
    compact(lake)
    assert [len(lake.commit().tables[t].files) for t in ("assets", "asset_files")] == [1, 1]
    assert rows(lake, "SELECT * FROM assets ORDER BY asset_id") == before
    sound(lake)


def test_any_asset_is_read_at_once_by_its_id(lake: Lake, source: Path) -> None:
    for n in range(50):
        write(source, f"{n}.beep", n=n, modality="eeg" if n % 2 else "ecg")
    take(lake, source)
    with open_view(lake) as view, PackReader(lake) as reader:
        index = AssetIndex(view)
        found = find_assets(view, modality="eeg", linked=False)
        assert (len(index), len(found)) == (50, 25)
        for row in found:
            (place,) = index.places(row.asset_id)
            data = reader.read(place.pack, place.offset, place.length)
            assert hashlib.sha256(data).hexdigest() == row.asset_id
        part = [found[0].asset_id[:8]]
        assert [r.asset_id for r in find_assets(view, ids=part)] == [found[0].asset_id]
        with pytest.raises(KeyError):
            index.places("0" * 64)


def test_findings_name_the_lakes_own_subjects_and_encounters(lake: Lake) -> None:
    load(lake, chunk([event("p1", 1)], encounters=[("e1", "p1")]))
    ((subject, stay),) = rows(lake, "SELECT subject_id, encounter_id FROM encounters")
    own = SubjectSystem("lake", integer=True, direct=True)
    found = event(str(subject), 5, code="ECG//rate", encounter=str(stay))
    load(lake, chunk([found], table="ecg-rhythm"), subjects=own)
    assert rows(lake, "SELECT subject_id, encounter_id FROM events WHERE code = 'ECG//rate'") == [
        (subject, stay)
    ]
    assert len(rows(lake, "SELECT * FROM subjects")) == 1
    with pytest.raises(DataRefused, match="does not hold"):
        load(lake, chunk([event("99", 6)], table="x"), subjects=own)
    sound(lake)


def test_a_lake_without_assets_shows_empty_tables(lake: Lake) -> None:
    load(lake, chunk([event("p1", 1)]))
    for table in ("assets", "asset_files", "embeddings", "models"):
        assert rows(lake, f"SELECT * FROM {table}") == []  # noqa: S608
    assert "assets" not in lake.commit().counts


def _needy(claims: bool) -> Catalogue:
    def missing(*_: object) -> bool:
        raise SetupMissing("slides need a library", next="pip install 'biolake[slides]'")

    def taken(name: str, _head: bytes) -> bool:
        return name.endswith(".slide") and (missing() if claims else True)

    slide = replace(READER, name="a-slide", claims=taken, find=missing)  # type: ignore[arg-type]
    return Catalogue((READER, slide))


@pytest.mark.parametrize("claims", [True, False])
def test_files_whose_extra_is_missing_wait_and_the_rest_is_loaded(
    lake: Lake, source: Path, claims: bool
) -> None:
    write(source, "x.beep")
    for n in range(2):
        (source / f"{n}.slide").write_text("{}" + "\n" * n)
    report = take(lake, source, reader=_needy(claims))
    assert report.assets.added == 1
    assert "2 a-slide files wait for: pip install 'biolake[slides]'" in report.plan.reading.notes
    assert rows(lake, "SELECT file FROM loads") == [("x.beep",)]
    with pytest.raises(SetupMissing, match="slides need"):
        take(lake, source, reader=_needy(claims))
    assert lake.commit().number == 1
    there = replace(READER, name="a-slide", claims=lambda name, _: name.endswith(".slide"))
    take(lake, source, reader=Catalogue((READER, there)))
    assert rows(lake, "SELECT count(*) FROM loads WHERE \"table\" = 'a-slide'") == [(2,)]


def test_a_mapping_does_not_call_asset_files_unread(tmp_path: Path) -> None:
    lake = init(str(tmp_path / "lake"), subject_ids="source")
    source = make(tmp_path / "source")
    write(source, "ecg/x.beep", subject="3")
    (source / "notes.csv").write_text("a\n1\n")
    report = ingest(lake, str(source), CATALOGUE, mapping=str(source / "labs.yaml"))
    assert not any("x.beep" in note for note in report.plan.reading.notes)

"""What a source sends again: under the same name with other bytes, a file or a whole asset."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ingest.beeps import rows, take, write
from tests.lake.build import chunk, event, load

from biolake.lake.forgetting import forget
from biolake.lake.lake import Lake, init
from biolake.lake.verifying import verify


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = init(str(tmp_path / "lake"))
    load(lake, chunk([event("p1", 1), event("p2", 2)]))
    return lake


def subjects(lake: Lake) -> dict[int, int]:
    return dict(rows(lake, "SELECT row_key, subject_id FROM events WHERE row_key < 3"))


def packed(lake: Lake) -> bytes:
    return b"".join(p.read_bytes() for p in Path(lake.root, "packs").iterdir())


def sound(lake: Lake) -> None:
    assert verify(lake).problems == ()


def names(lake: Lake) -> list[str]:
    return [name for (name,) in rows(lake, "SELECT name FROM asset_files ORDER BY name")]


def test_a_corrected_slice_takes_the_place_of_the_old_one(lake: Lake, tmp_path: Path) -> None:
    for n in range(3):
        write(tmp_path / "a", f"{n}.beep", key="s", file_key=f"uid{n}", subject="p1")
    take(lake, tmp_path / "a")
    write(tmp_path / "b", "1-again.beep", key="s", file_key="uid1", subject="p1", corrected=True)
    report = take(lake, tmp_path / "b")
    assert (report.assets.added, report.assets.grown) == (0, 1)
    assert names(lake) == ["0.beep", "1-again.beep", "2.beep"]
    assert rows(lake, "SELECT files, shape FROM assets") == [(3, [3, 4])]
    assert rows(lake, "SELECT count(file_key), count(DISTINCT file_key) FROM asset_files") == [
        (3, 3)
    ]
    assert b"uid1" not in b"".join(
        p.read_bytes() for p in Path(lake.root, "asset_files").rglob("*.parquet")
    )
    sound(lake)


def test_an_old_version_found_again_does_not_undo_its_correction(
    lake: Lake, tmp_path: Path
) -> None:
    write(tmp_path / "a", "0.beep", key="s", file_key="uid0", subject="p1")
    write(tmp_path / "a", "x.beep", key="x", kind="image", file_key="x", subject="p1")
    take(lake, tmp_path / "a")
    write(tmp_path / "b", "0b.beep", key="s", file_key="uid0", subject="p1")
    write(tmp_path / "b", "xb.beep", key="x", kind="image", file_key="x", subject="p1")
    take(lake, tmp_path / "b")
    write(tmp_path / "a", "1.beep", key="s", file_key="uid1", subject="p1")
    take(lake, tmp_path / "a")
    assert names(lake) == ["0b.beep", "1.beep", "xb.beep"]
    sound(lake)


def test_two_versions_of_one_file_in_a_load_keep_the_first_by_name(
    lake: Lake, tmp_path: Path
) -> None:
    write(tmp_path / "a", "b.beep", key="s", file_key="uid", n=2)
    write(tmp_path / "a", "a.beep", key="s", file_key="uid", n=1)
    take(lake, tmp_path / "a")
    assert names(lake) == ["a.beep"]
    assert rows(lake, "SELECT file, reason FROM quarantine") == [
        ("b.beep", "another file of this load has the same identity in its source and other bytes")
    ]
    assert take(lake, tmp_path / "a").load.commit is None
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "b.beep").rename(tmp_path / "b" / "moved.beep")
    take(lake, tmp_path / "b")  # set apart, it is read as the later one
    assert names(lake) == ["moved.beep"]
    sound(lake)


def test_a_corrected_single_image_is_replaced_and_moves_to_the_subject_it_names(
    lake: Lake, tmp_path: Path
) -> None:
    write(tmp_path / "a", "x.beep", key="x", kind="image", subject="p1", said="of p1 alone")
    take(lake, tmp_path / "a")
    write(tmp_path / "b", "x.beep", key="x", kind="image", subject="p2")
    report = take(lake, tmp_path / "b")
    assert (report.assets.corrected, report.assets.relinked, report.assets.grown) == (1, 1, 0)
    who = subjects(lake)
    assert rows(lake, "SELECT subject_id, files FROM assets") == [(who[2], 1)]
    assert rows(lake, "SELECT subject_id FROM events WHERE code LIKE 'ASSET%'") == [(who[2],)]
    sound(lake)
    assert b"of p1 alone" in packed(lake)
    report = forget(lake, who[1])
    assert report.scan.hits == ()
    assert b"of p1 alone" not in packed(lake)
    assert rows(lake, "SELECT subject_id FROM assets") == [(who[2],)]
    sound(lake)


def test_a_correction_that_names_nobody_known_waits_and_its_event_goes(
    lake: Lake, tmp_path: Path
) -> None:
    write(tmp_path / "a", "x.beep", key="x", kind="image", subject="p1")
    take(lake, tmp_path / "a")
    write(tmp_path / "b", "x.beep", key="x", kind="image", subject="p7")
    report = take(lake, tmp_path / "b")
    assert any("not known here" in note for note in report.plan.reading.notes)
    assert rows(lake, "SELECT subject_id, subject_key IS NULL FROM assets") == [(None, False)]
    assert rows(lake, "SELECT count(*) FROM events WHERE code LIKE 'ASSET%'") == [(0,)]
    assert load(lake, chunk([event("p7", 7)], file="c")).assets.linked_later == 1
    sound(lake)


def test_a_volume_in_one_file_keeps_the_shape_its_reader_gives(lake: Lake, tmp_path: Path) -> None:
    write(tmp_path / "a", "x.beep", kind="volume", subject="p1", shape=[40, 3, 4])
    take(lake, tmp_path / "a")
    assert rows(lake, "SELECT shape FROM assets") == [([40, 3, 4],)]


def test_what_was_replaced_is_forgotten_with_its_subject(lake: Lake, tmp_path: Path) -> None:
    write(tmp_path / "a", "0.beep", key="s", file_key="u0", subject="p1", said="first words")
    write(tmp_path / "a", "z.beep", subject="p2", n=9)
    take(lake, tmp_path / "a")
    write(tmp_path / "b", "0.beep", key="s", file_key="u0", subject="p1", said="second words")
    take(lake, tmp_path / "b")
    report = forget(lake, subjects(lake)[1])
    assert report.scan.hits == ()
    assert b"words" not in packed(lake)
    sound(lake)


def test_an_asset_of_one_of_two_subjects_goes_when_either_is_forgotten(
    lake: Lake, tmp_path: Path
) -> None:
    load(lake, chunk([event("p1", 11)], people=[("p1", "a", "7", "site")], file="b"))
    load(lake, chunk([event("p2", 12)], people=[("p2", "b", "7", "site")], file="c"))
    write(tmp_path / "a", "x.beep", subject="7", said="either")
    assert take(lake, tmp_path / "a").assets.ambiguous == 1
    ((key,),) = rows(lake, "SELECT subject_key FROM assets")
    who = subjects(lake)
    assert key.startswith("either:")
    assert str(who[1]) not in key
    report = forget(lake, who[2])
    assert any("may be of this subject" in note for note in report.scan.notes)
    assert rows(lake, "SELECT count(*) FROM assets") == [(0,)]
    assert not list(Path(lake.root, "packs").iterdir())
    again = write(tmp_path / "again", "x.beep", subject="7", said="either", n=2)
    assert take(lake, again.parent).assets.forgotten == 1
    sound(lake)


def test_a_waiting_asset_that_proves_a_forgotten_subjects_is_told_and_goes_on_request(
    lake: Lake, tmp_path: Path
) -> None:
    write(tmp_path / "a", "x.beep", subject="88", said="of p1")
    take(lake, tmp_path / "a")
    p1 = subjects(lake)[1]
    forget(lake, p1)
    assert b"of p1" in packed(lake)
    write(tmp_path / "z", "z.beep", n=1)
    later = load(lake, chunk([event("p1", 11)], people=[("p1", "a", "88", "site")], file="b"))
    assert any("forgotten subject" in note for note in later.assets.notes)
    assert rows(lake, "SELECT subject_key FROM assets") == [("either:forgotten",)]
    report = forget(lake, p1)
    assert rows(lake, "SELECT count(*) FROM assets") == [(0,)]
    assert report.scan.hits == ()
    assert not list(Path(lake.root, "packs").iterdir())
    sound(lake)

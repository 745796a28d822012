"""What extractors find in assets becomes events: once, timed, checked, replaced, accounted for."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.ingest.beep_extractors import catalogue, hz, name, newer, pitch, run
from tests.ingest.beeps import NOON, micros, rows, take, write
from tests.lake.build import chunk, event, load

from biolake.core.assets import Content, Facts, Finding, FoundAsset, FoundCode
from biolake.core.catalogue import Catalogue, extractor
from biolake.core.errors import SetupMissing, WrongUse
from biolake.core.media import Opened, Recording, Signal
from biolake.ingest.extraction import extract
from biolake.lake.door import open_view
from biolake.lake.forgetting import forget
from biolake.lake.lake import Lake, init
from biolake.lake.verifying import verify

FOUND = (
    "SELECT code, numeric_value, unit, text_value, time, end_time FROM events"
    " WHERE source = 'pitch' ORDER BY time, code, numeric_value"
)
LEDGER = (
    "SELECT rows, event_rows, skipped, quarantined_rows, events, added FROM loads"
    " WHERE layout = 'extraction' ORDER BY load_id, content_hash"
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = init(str(tmp_path / "lake"))
    load(made, chunk([event("p1", 1), event("p2", 2)], encounters=[("e1", "p1")]))
    return made


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "source"


def sound(lake: Lake) -> None:
    assert verify(lake).problems == ()


def values(lake: Lake) -> list[float]:
    found = rows(lake, "SELECT numeric_value FROM events WHERE source = 'pitch' ORDER BY 1")
    return [value for (value,) in found]


def test_findings_become_events_of_the_asset_s_subject_at_its_time(lake, source):
    write(source, "x.beep", subject="p1", find=[hz(440, at=2.5, lasts=10), hz(880)])
    take(lake, source)
    report = run(lake)
    one = report.extractors["pitch"]
    assert (one.assets, one.measured, one.findings, report.added) == (1, 1, 2, 2)
    later = NOON + timedelta(seconds=2.5)
    assert rows(lake, FOUND) == [
        ("BEEP//pitch", 880.0, "Hz", None, NOON, None),
        ("BEEP//pitch", 440.0, "Hz", None, later, later + timedelta(seconds=10)),
    ]
    same = "SELECT count(DISTINCT subject_id), count(DISTINCT encounter_id), count(encounter_id)"
    assert rows(lake, f"{same} FROM events WHERE source IN ('pitch', 'beep')") == [(1, 1, 3)]
    assert rows(lake, "SELECT description, parent_codes FROM codes WHERE code LIKE 'BEEP%'") == [
        ("How high it is", ["LOINC//pitch"])
    ]
    sound(lake)


def test_the_same_run_again_finds_nothing_new_and_makes_no_commit(lake, source):
    write(source, "x.beep", subject="p1", find=[hz(440)])
    write(source, "y.beep", subject="p1", n=2)
    take(lake, source)
    assert run(lake).loads["main"].commit.number == 3
    again = run(lake)
    assert (again.assets, again.loads, lake.commit().number) == (0, {}, 3)
    write(source, "z.beep", subject="p2", find=[hz(441)])
    take(lake, source)
    assert run(lake).extractors["pitch"].assets == 1
    assert values(lake) == [440.0, 441.0]


def test_every_asset_has_one_fate_in_the_ledger(lake, source):
    write(source, "a.beep", subject="p1", find=[hz(440)])
    write(source, "b.beep", subject="p1")
    write(source, "c.beep", subject="p1", start=None)
    write(source, "d.beep", subject="p1", fails="refused")
    write(source, "e.beep", subject="p1", fails="died")
    write(source, "f.beep", subject="nobody", find=[hz(440)])
    take(lake, source)
    one = run(lake).extractors["pitch"]
    assert one.skipped == {"nothing was found": 1, "the asset has no time": 1}
    assert one.quarantined == {
        "too short to measure": 1,
        "the extractor failed (ZeroDivisionError)": 1,
    }
    assert one.waiting == {"waits for its subject": 1}
    assert sorted(rows(lake, LEDGER)) == sorted(
        [
            (1, 1, "{}", 0, 1, 1),
            (1, 0, '{"nothing was found": 1}', 0, 0, 0),
            (1, 0, '{"the asset has no time": 1}', 0, 0, 0),
            (1, 0, "{}", 1, 0, 0),
            (1, 0, "{}", 1, 0, 0),
        ]
    )
    assert lake.commit().counts["quarantine"] == 2
    assert run(lake).extractors["pitch"].waiting == {"waits for its subject": 1}
    sound(lake)


def test_an_asset_that_waited_is_measured_once_its_subject_is_known(lake, source):
    write(source, "x.beep", subject="p9", find=[hz(440)])
    take(lake, source)
    assert run(lake).loads == {}
    load(lake, chunk([event("p9", 9)], file="b"))
    assert run(lake).added == 1


NO_FACTS = [
    (hz(float("nan")), "not a number"),
    (hz(float("inf")), "not a number"),
    (hz(1e39), "beyond what a 32-bit number holds"),
    (hz(440, at=float("nan")), "the extractor gave an impossible time"),
    (hz(440, lasts=-1.0), "the extractor gave an impossible time"),
    (hz(440, at=9e11), "its time lies outside the years 1 to 9999"),
    (hz(440, text="\ud800"), "the extractor gave a value of the wrong kind"),
    (hz("high"), "the extractor gave a value of the wrong kind"),
    ({"code": "BEEP//other"}, "the extractor gave a code that it does not declare"),
    (
        {"code": "BEEP//pitch", "value": 0.44, "unit": "kHz"},
        "the unit is not the one that the extractor declares",
    ),
]


def test_one_finding_that_can_be_no_fact_spoils_all_of_its_asset(lake, source):
    for n, (finding, _) in enumerate(NO_FACTS):
        write(source, f"{n}.beep", subject="p1", find=[hz(440), finding])
    write(source, "y.beep", subject="p1", find=[hz(441)])
    take(lake, source)
    one = run(lake).extractors["pitch"]
    assert one.quarantined == Counter(reason for _, reason in NO_FACTS)
    assert values(lake) == [441.0]
    told = rows(lake, "SELECT \"column\", reason FROM quarantine WHERE reason LIKE '%unit%'")
    assert told == [("BEEP//pitch", "the unit is not the one that the extractor declares")]


def test_a_new_version_replaces_what_the_old_one_found(lake, source):
    @extractor("Pitch", needs="ecg", version="2", codes=pitch.codes)
    def changed(opened: Opened) -> Sequence[Finding]:
        old = list(pitch.call(opened))
        return [replace(each, value=each.value + 1) for each in old[:1]]

    write(source, "x.beep", subject="p1", find=[hz(440), hz(500), hz(600)])
    write(source, "y.beep", subject="p2", find=[hz(700)])
    take(lake, source)
    run(lake)
    report = run(lake, replace(changed, name="pitch"))
    assert (report.extractors["pitch"].assets, values(lake)) == (2, [441.0, 701.0])
    outcome = report.loads["main"].outcome
    assert (outcome.replaced, outcome.removed) == (2, 2)
    assert rows(lake, "SELECT events FROM codes WHERE code = 'BEEP//pitch'") == [(2,)]
    sound(lake)


def test_a_new_version_that_has_seen_a_part_leaves_the_rest_as_it_was(lake, source):
    for n in range(4):
        write(source, f"{n}.beep", subject="p1", find=[hz(440 + n), hz(500 + n)])
    take(lake, source)
    run(lake)
    dumb = newer(call=lambda opened: [])
    report = run(lake, dumb, limit=2)
    assert (report.assets, report.more, len(values(lake))) == (2, 2, 4)
    assert run(lake, dumb).assets == 2
    assert values(lake) == []
    sound(lake)


def test_a_grown_asset_keeps_no_finding_of_what_it_was(lake, source):
    write(source, "1.beep", subject="p1", key="series", find=[hz(440), hz(500)])
    take(lake, source)
    run(lake)
    write(source / "more", "2.beep", subject="p1", key="series", find=[hz(600)])
    take(lake, source / "more")
    run(lake)
    assert values(lake) == [600.0]
    sound(lake)


def test_findings_move_with_an_asset_that_a_list_gives_to_another_subject(lake, source):
    write(source, "x.beep", subject="p1", find=[hz(440)])
    take(lake, source)
    run(lake)
    before = rows(lake, "SELECT subject_id FROM events WHERE source = 'pitch'")
    _relink(lake)
    assert run(lake).assets == 1
    assert rows(lake, "SELECT subject_id FROM events WHERE source = 'pitch'") != before
    assert values(lake) == [440.0]


def _relink(lake: Lake) -> None:
    """Give the one asset to another subject, as a corrected list does."""
    from biolake.core.schema import ASSETS
    from biolake.lake.locking import writer
    from biolake.lake.transaction import Transaction, scratch_folder

    with writer(lake.store, "test"), scratch_folder(lake) as scratch, open_view(lake) as view:
        table = view.table("SELECT * FROM assets").select(ASSETS.names)
        ((other,),) = view.rows(
            "SELECT min(subject_id) FROM subjects WHERE subject_id NOT IN"
            " (SELECT subject_id FROM assets)"
        )
        place = ASSETS.get_field_index("subject_id")
        table = table.set_column(place, ASSETS.field(place), [[other]])
        tx = Transaction(lake, lake.commit(), scratch, "L")
        tx.replace("assets", table.cast(ASSETS))
        tx.publish("ingest", "relinked", dict(lake.commit().counts))


def test_findings_outlive_a_new_reading_of_the_files_they_were_found_in(lake, source):
    from tests.ingest.beeps import catalogue as readers

    write(source, "x.beep", subject="p1", find=[hz(440)])
    take(lake, source)
    run(lake)
    take(lake, source, reader=readers("2"))
    assert values(lake) == [440.0]
    sound(lake)


def test_forgetting_a_subject_takes_its_findings(lake, source):
    write(source, "x.beep", subject="p1", find=[hz(440)])
    write(source, "y.beep", subject="p2", find=[hz(441)])
    take(lake, source)
    run(lake)
    ((subject,),) = rows(lake, "SELECT subject_id FROM events WHERE numeric_value = 440")
    forget(lake, subject)
    assert values(lake) == [441.0]
    assert run(lake).assets == 0
    sound(lake)


def test_several_extractors_look_at_an_asset_in_one_load(lake, source):
    write(source, "x.beep", subject="p1", find=[hz(440)])
    take(lake, source)
    report = run(lake, pitch, name)
    assert (report.assets, len(report.loads)) == (1, 1)
    told = "SELECT DISTINCT source FROM events WHERE source <> 'beep' ORDER BY 1"
    assert rows(lake, told) == [("labs",), ("name",), ("pitch",)]
    assert [r.findings for r in report.extractors.values()] == [1, 1]


def test_each_site_gets_its_own_load(lake, source):
    load(lake, chunk([event("p1", 1)], file="b"), site="north")
    write(source / "a", "x.beep", subject="p1", find=[hz(440)])
    write(source / "b", "y.beep", subject="p1", find=[hz(441)])
    take(lake, source / "a")
    take(lake, source / "b", site="north")
    assert list(run(lake).loads) == ["main", "north"]
    told = "SELECT site_id, numeric_value FROM events WHERE source = 'pitch' ORDER BY 1"
    assert rows(lake, told) == [("main", 440.0), ("north", 441.0)]


def test_mixed_recordings_are_read_when_a_lead_is_of_the_kind_needed(lake, source):
    leads = {"m.beep": ["II", "PLETH"], "n.beep": ["ABP"], "o.beep": None}

    def find(files, around):
        for file in files:
            attributes = {"leads": leads[file.name]} if leads[file.name] else {}
            facts = Facts(attributes=attributes)
            yield FoundAsset("physiology", (file,), facts, subject="p1", start=micros(NOON))

    for file in leads:
        write(source, file, find=[hz(440)])
    reader = replace(catalogue().of("asset-reader")[0], find=find)
    take(lake, source, reader=Catalogue((reader,)))
    wearing = newer("1", needs="wearable", name="worn")
    report = run(lake, pitch, wearing, newer("1", needs="ppg", name="pulse"))
    assert {n: one.assets for n, one in report.extractors.items()} == {
        "pitch": 1,
        "pulse": 1,
        "worn": 0,
    }


def test_only_what_is_asked_for_is_looked_at(lake, source):
    write(source, "x.beep", subject="p1", find=[hz(440)])
    write(source, "y.beep", subject="p2", find=[hz(441)])
    write(source, "z.beep", subject="p2", modality="ppg", find=[hz(442)])
    take(lake, source)
    ((subject,),) = rows(lake, "SELECT subject_id FROM events WHERE row_key = 1")
    assert run(lake, subject=subject).assets == 1
    assert values(lake) == [440.0]
    with pytest.raises(WrongUse, match="no extractor reads 'ppg'"):
        run(lake, modality="ppg")
    with pytest.raises(WrongUse, match="Did you mean 'pitch'"):
        run(lake, names=["pich"])
    assert run(lake, modality="ecg").assets == 1


def test_what_is_not_installed_stops_a_named_extractor_and_is_left_for_later_otherwise(
    lake, source
):
    write(source, "x.beep", subject="p1", fails="missing")
    write(source, "y.beep", subject="p1", fails="missing", n=1)
    take(lake, source)
    report = run(lake, pitch, name)
    (why,) = report.extractors["pitch"].waiting
    assert "pip install 'biolake[signals]'" in why
    assert report.extractors["pitch"].waiting[why] == 2
    assert report.extractors["name"].findings == 2
    before = lake.commit().number
    with pytest.raises(SetupMissing, match="numba"):
        run(lake, names=["pitch"])
    assert run(lake, pitch).loads == {}
    assert lake.commit().number == before


def test_an_asset_whose_bytes_are_damaged_is_quarantined(lake, source):
    write(source, "x.beep", subject="p1", find=[hz(440)])
    write(source, "y.beep", subject="p1", find=[hz(441)])
    take(lake, source)
    ((pack, start),) = rows(
        lake, 'SELECT pack, "offset" FROM asset_files ORDER BY "offset" DESC LIMIT 1'
    )
    path = Path(lake.root) / pack
    path.write_bytes(path.read_bytes()[: start + 5])
    one = run(lake).extractors["pitch"]
    assert (one.measured, one.quarantined) == (1, {"a pack is cut short": 1})


def test_a_reader_that_is_gone_leaves_its_assets_for_later(lake, source):
    write(source, "x.beep", subject="p1", find=[hz(440)])
    take(lake, source)
    report = extract(lake, Catalogue((pitch,)))
    assert report.extractors["pitch"].waiting == {"no reader is named 'beep'": 1}
    assert run(lake).added == 1


def test_no_value_of_a_subject_comes_out_of_a_failure(lake, source):
    write(source, "x.beep", subject="p1", fails="died")
    take(lake, source)
    run(lake)
    told = rows(lake, 'SELECT reason || "column" || file FROM quarantine')
    assert told
    assert not any("p1" in text for (text,) in told)


def test_one_thread_and_four_write_the_same_lake(tmp_path, source):
    for n in range(40):
        write(source, f"{n}.beep", subject=f"p{n % 3}", find=[hz(400 + n), hz(500, at=n)])
    seen = []
    for threads in (1, 4):
        lake = init(str(tmp_path / f"lake-{threads}"), subject_ids="source")
        load(lake, chunk([event(str(n), n) for n in range(3)]), subjects=_numbered())
        for path in source.glob("*.beep"):
            path.write_text(path.read_text().replace('"p', '"'))
        take(lake, source)
        run(lake, threads=threads)
        seen.append(rows(lake, "SELECT * EXCLUDE (load_id) FROM events WHERE source = 'pitch'"))
    assert seen[0] == seen[1]
    assert len(seen[0]) == 80


def _numbered():
    from tests.lake.build import NUMBERED

    return NUMBERED


def test_a_failing_run_changes_nothing(lake, source, monkeypatch):
    write(source, "x.beep", subject="p1", find=[hz(440)])
    take(lake, source)
    before = lake.commit().number

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(lake, progress=stop)
    assert lake.commit().number == before
    assert run(lake).added == 1


def test_no_more_assets_are_open_at_once_than_there_are_threads(lake, source):
    """Each opened asset holds 8 MB; findings alone wait for their turn."""

    def opened(content: Content) -> Recording:
        samples = np.full((1, 2_000_000), len(content.names), dtype=np.float32)
        return Recording((Signal(samples, 100.0, ("I",), ("mV",)),))

    for n in range(40):
        write(source, f"{n}.beep", subject="p1", n=n)
    take(lake, source)
    reader = replace(catalogue().of("asset-reader")[0], call=opened)
    still = newer("1", call=lambda opened: [Finding("BEEP//pitch", opened.seconds, "Hz")])
    tracemalloc.start()
    try:
        assert extract(lake, Catalogue((reader, still))).added == 40
        assert tracemalloc.get_traced_memory()[1] < 60e6
    finally:
        tracemalloc.stop()


def test_a_code_given_twice_is_told_apart_by_its_order(lake, source):
    write(source, "x.beep", subject="p1", find=[hz(440), hz(440), hz(440)])
    take(lake, source)
    assert run(lake).added == 3
    assert len({key for (key,) in rows(lake, "SELECT row_key FROM events")}) == len(
        rows(lake, "SELECT row_key FROM events")
    )


def test_an_extractor_of_mixed_declared_codes_may_give_text_alone(lake, source):
    write(source, "x.beep", subject="p1", find=[{"code": "BEEP//echo", "text": "twice"}])
    take(lake, source)
    run(lake)
    assert rows(lake, FOUND) == [("BEEP//echo", None, None, "twice", NOON, None)]


def test_numbers_of_numpy_are_numbers(lake, source):
    @extractor("n", needs="ecg", version="1", codes=[FoundCode("N//n", "n", "1")])
    def numbers(opened: Opened) -> Sequence[Finding]:
        return [Finding("N//n", np.float32(1.5), "1", at=np.float64(1), lasts=np.int64(2))]

    write(source, "x.beep", subject="p1")
    take(lake, source)
    assert run(lake, numbers).added == 1

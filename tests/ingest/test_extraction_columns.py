"""Findings in columns: of runs of notes, of samples, true at any time; rows of derived tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.ingest.beeps import NOON, micros, rows, take
from tests.ingest.cohorts import CATALOGUE, write_cohort, write_lines
from tests.ingest.test_assets_parts import spool
from tests.lake.build import chunk, copy_of, event, load, subject_of

from biolake.core.assets import FoundCode, Measured
from biolake.core.catalogue import Catalogue, Extension, batch_extractor, extractor
from biolake.core.errors import DataRefused
from biolake.core.media import Genotypes, Note, Opened
from biolake.core.reading import Chunk, SourceFile, Tally
from biolake.core.schema import FINDINGS
from biolake.ingest.extracting.answers import rows_schema
from biolake.ingest.extracting.keys import mix, unmix
from biolake.ingest.extracting.report import ExtractionReport
from biolake.ingest.extraction import extract
from biolake.lake.asset_report import CHANGED
from biolake.lake.door import open_view
from biolake.lake.forgetting import forget
from biolake.lake.lake import Lake, init
from biolake.lake.locking import writer
from biolake.lake.transaction import SCHEMAS, Transaction, scratch_folder
from biolake.lake.verifying import verify

EVENTS = (
    "SELECT code, numeric_value, unit, time, subject_id FROM events WHERE source = 'words'"
    " ORDER BY ALL"
)


def findings(*given: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist([dict.fromkeys(FINDINGS.names) | row for row in given], FINDINGS)


def spans(*given: dict[str, object]) -> pa.Table:
    schema = rows_schema("spans")
    plain = dict.fromkeys(schema.names) | {"label": "word", "confidence": 1.0}
    return pa.Table.from_pylist([plain | row for row in given], schema)


@batch_extractor(
    "Words", needs="note", version="1", codes=[FoundCode("WORD//*", "A word", parents=("TEXT//w",))]
)
def words(run: Sequence[Opened]) -> Measured:
    """Find every word: an event each and a span each; `die` stops a run, `bad` is a fault."""
    found, where, faults = [], [], {}
    for item, note in enumerate(run):
        assert isinstance(note, Note)
        if "die" in note.text:
            raise ZeroDivisionError
        if "bad" in note.text:
            faults[item] = "it is bad"
            continue
        at = 0
        for word in note.text.split():
            at = note.text.index(word, at)
            timeless = word.startswith("born")
            found.append({"item": item, "code": f"WORD//{note.kind}//{word}", "timeless": timeless})
            where.append({"item": item, "start": at, "end": at + len(word), "code": word})
            at += len(word)
    return Measured(findings(*found), {"spans": spans(*where)}, {}, faults)


@extractor("Dosages", needs="genotype", version="1", codes=[FoundCode("DOSE//*", "A dosage", "1")])
def doses(opened: Opened) -> Measured:
    """Give each sample's dosage of each variant, true at any time, and a row a variant."""
    assert isinstance(opened, Genotypes)
    calls = opened.dosages(slice(None))
    found = [
        {"item": 0, "sample": s, "code": f"DOSE//{v}", "value": float(calls[v, s]), "unit": "1",
         "timeless": True}
        for v in range(calls.shape[0])
        for s in range(calls.shape[1])
    ]  # fmt: skip
    variants = pa.table(
        {"item": np.zeros(len(calls), np.int32), "number": np.arange(len(calls), dtype=np.int32),
         "chromosome": ["1"] * len(calls), "position": opened.variants.position,
         "variant": opened.variants.name.tolist(), "ref": ["A"] * len(calls),
         "alt": ["G"] * len(calls), "build": ["GRCh38"] * len(calls),
         "alt_frequency": [0.5] * len(calls), "call_rate": [1.0] * len(calls),
         "hwe_p": [1.0] * len(calls)}
    )  # fmt: skip
    return Measured(findings(*found), {"variants": variants})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = init(str(tmp_path / "lake"))
    load(made, chunk([event("p1", code="IS//p1"), event("p2", code="IS//p2")]))
    return made


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "source"


def sound(lake: Lake) -> None:
    assert verify(lake).problems == ()


def run(lake: Lake, *extractors: Extension, **how: object) -> ExtractionReport:
    chosen = extractors or (words,)
    return extract(lake, Catalogue((*CATALOGUE.extensions, *chosen)), **how)  # type: ignore[arg-type]


def newer(extension: Extension, version: str = "2", **changed: object) -> Extension:
    return replace(extension, version=version, **changed)  # type: ignore[arg-type]


def test_a_run_of_notes_gives_each_its_events_and_its_spans(lake: Lake, source: Path) -> None:
    noon = micros(NOON)
    write_lines(source, "a", ("p1", noon, "fever cough fever"), ("p2", noon, "fine größer 🤒"))
    take(lake, source, reader=CATALOGUE)
    report = run(lake)
    one = report.extractors["words"]
    assert (one.assets, one.measured, one.findings, one.rows) == (2, 2, 6, {"spans": 6})
    first, second = subject_of(lake, "IS//p1"), subject_of(lake, "IS//p2")
    assert sorted(rows(lake, EVENTS)) == sorted(
        [
            *[(f"WORD//letter//{w}", None, None, NOON, first) for w in ("cough", "fever", "fever")],
            *[(f"WORD//letter//{w}", None, None, NOON, second) for w in ("fine", "größer", "🤒")],
        ]
    )
    told = 'SELECT subject_id, "start", "end", code, annotator, version FROM spans ORDER BY ALL'
    assert rows(lake, told) == sorted(
        [
            *[
                (first, *w, "words", "1")
                for w in ((0, 5, "fever"), (6, 11, "cough"), (12, 17, "fever"))
            ],
            *[
                (second, *w, "words", "1")
                for w in ((0, 4, "fine"), (5, 11, "größer"), (12, 13, "🤒"))
            ],
        ]
    )
    described = "SELECT DISTINCT description, parent_codes FROM codes WHERE code LIKE 'WORD//%'"
    assert rows(lake, described) == [("A word", ["TEXT//w"])]
    sound(lake)
    assert run(lake).loads == {}


def test_one_bad_note_of_a_run_is_lost_alone(lake: Lake, source: Path) -> None:
    noon = micros(NOON)
    said = ["fine", "bad", "die now", "well"]
    write_lines(source, "a", *(("p1", noon, text) for text in said))
    take(lake, source, reader=CATALOGUE)
    one = run(lake).extractors["words"]
    assert (one.assets, one.measured) == (4, 2)
    assert one.quarantined == {
        "it is bad": 1,
        "the extractor failed (ZeroDivisionError)": 1,
    }
    assert {code for code, *_ in rows(lake, EVENTS)} == {"WORD//letter//fine", "WORD//letter//well"}
    assert rows(lake, "SELECT count(*) FROM quarantine") == [(2,)]
    sound(lake)


def test_a_note_that_cannot_be_opened_is_quarantined_alone(lake: Lake, source: Path) -> None:
    noon = micros(NOON)
    path = write_lines(source, "a", ("p1", noon, "fine"), ("p2", noon, "XX"))
    path.write_bytes(path.read_bytes().replace(b"XX", b"\xff\xfe"))
    take(lake, source, reader=CATALOGUE)
    one = run(lake).extractors["words"]
    assert (one.measured, dict(one.quarantined)) == (
        1,
        {"it could not be opened (UnicodeDecodeError)": 1},
    )
    sound(lake)


def test_a_note_without_a_time_has_spans_and_what_is_true_at_any_time(
    lake: Lake, source: Path
) -> None:
    write_lines(source, "a", ("p1", None, "fever born1950"), ("p1", None, "cough"))
    take(lake, source, reader=CATALOGUE)
    one = run(lake).extractors["words"]
    assert one.dropped == {"finding: no time": 2}
    assert [(code, time) for code, _, _, time, _ in rows(lake, EVENTS)] == [
        ("WORD//letter//born1950", None)
    ]
    assert rows(lake, "SELECT count(*) FROM spans") == [(3,)]
    fates = rows(
        lake, "SELECT event_rows, part_rows FROM loads WHERE layout = 'extraction' ORDER BY ALL"
    )
    assert fates == [(0, 1), (1, 0)]
    sound(lake)


def test_findings_of_a_sample_are_its_subject_s_and_wait_where_it_waits(
    lake: Lake, source: Path
) -> None:
    people = [("p1", "sample", "s1", "site"), ("p2", "sample", "s2", "site")]
    load(lake, chunk(people=people[:1], file="a.csv"))
    write_cohort(source, "a", "s2", "s1", calls=[[0, 1], [2, 1]])
    take(lake, source, reader=CATALOGUE)
    told = (
        "SELECT subject_id, code, numeric_value, time FROM events WHERE source = 'doses' ORDER BY 2"
    )
    one = run(lake, doses).extractors["doses"]
    assert (one.findings, one.rows) == (2, {"variants": 2})
    assert one.dropped == {"finding: its sample waits for its subject": 2}
    first, second = subject_of(lake, "IS//p1"), subject_of(lake, "IS//p2")
    assert rows(lake, told) == [(first, "DOSE//0", 1.0, None), (first, "DOSE//1", 1.0, None)]
    load(lake, chunk(people=people, file="b.csv"))
    assert run(lake, doses).extractors["doses"].findings == 4
    assert sorted(rows(lake, told)) == sorted(
        [
            (first, "DOSE//0", 1.0, None),
            (first, "DOSE//1", 1.0, None),
            (second, "DOSE//0", 0.0, None),
            (second, "DOSE//1", 2.0, None),
        ]
    )
    assert rows(lake, "SELECT count(*), count(DISTINCT number) FROM variants") == [(2, 2)]
    sound(lake)
    assert run(lake, doses).loads == {}


def test_a_finding_of_a_sample_stands_at_its_sample_s_time_else_the_asset_s(
    lake: Lake, source: Path
) -> None:
    @extractor("Ages", needs="genotype", version="1", codes=[FoundCode("AGE//a", "An age")])
    def ages(opened: Opened) -> Measured:
        made = [{"item": 0, "sample": s, "code": "AGE//a", "at": 60.0} for s in (0, 1)]
        return Measured(findings(*made))

    load(
        lake,
        chunk(
            people=[("p1", "sample", "s1", "site"), ("p2", "sample", "s2", "site")], file="a.csv"
        ),
    )
    later = NOON + timedelta(days=9)
    write_cohort(source, "a", "s1", "s2", times={"s2": micros(later)}, start=micros(NOON))
    take(lake, source, reader=CATALOGUE)
    run(lake, ages)
    minute = timedelta(minutes=1)
    assert rows(lake, "SELECT time FROM events WHERE source = 'ages' ORDER BY 1") == [
        (NOON + minute,),
        (later + minute,),
    ]
    sound(lake)


def test_a_new_version_takes_back_what_it_does_not_find_again(lake: Lake, source: Path) -> None:
    noon = micros(NOON)
    write_lines(source, "a", ("p1", noon, "fever cough fever"), ("p2", noon, "fine fever"))
    load(
        lake,
        chunk(
            people=[("p1", "sample", "s1", "site"), ("p2", "sample", "s2", "site")], file="a.csv"
        ),
    )
    write_cohort(source, "b", "s1", "s2", "s1", calls=[[0, 1, 2], [2, 1, 0]])
    take(lake, source, reader=CATALOGUE)
    run(lake, words, doses)
    before = rows(lake, EVENTS)

    def fewer(run: Sequence[Opened]) -> Measured:
        told = words.call(run)
        return Measured(told.findings.slice(1), {"spans": told.tables["spans"].slice(1)})

    def one_sample(opened: Opened) -> Measured:
        told = doses.call(opened)
        keep = pa.compute.equal(told.findings["sample"], 2)
        return Measured(told.findings.filter(keep), {"variants": told.tables["variants"].slice(1)})

    report = run(lake, newer(words, call=fewer), newer(doses, call=one_sample))
    assert len(rows(lake, EVENTS)) == len(before) - 1
    assert rows(lake, "SELECT count(*), min(version) FROM spans") == [(4, "2")]
    assert rows(lake, "SELECT count(*), min(version) FROM variants") == [(1, "2")]
    dosage = "SELECT code, numeric_value FROM events WHERE source = 'doses' ORDER BY 1"
    assert rows(lake, dosage) == [("DOSE//0", 2.0), ("DOSE//1", 0.0)]
    assert report.loads["main"].outcome.removed == 5
    sound(lake)
    run(lake, newer(words, "3", call=lambda run: Measured()))
    assert rows(lake, EVENTS) == []
    assert rows(lake, "SELECT count(*) FROM spans") == [(0,)]
    sound(lake)


def one(**given: object) -> Measured:
    return Measured(findings({"item": 0, "code": "WORD//a", **given}))


WRONG = [
    (one(code="OTHER//a"), "the extractor gave a code that it does not declare"),
    (one(sample=0), "the extractor named a sample that the asset does not have"),
    (one(item=1), "the extractor gave a value of the wrong kind"),
    (one(value=float("nan")), "not a number"),
    (one(value=1e39), "beyond what a 32-bit number holds"),
    (one(at=float("inf")), "the extractor gave an impossible time"),
    (one(lasts=-1.0), "the extractor gave an impossible time"),
    (one(at=9e11), "its time lies outside the years 1 to 9999"),
    (Measured(pa.table({"item": [0]})), "the extractor gave a value of the wrong kind"),
    (Measured(tables={"notes": spans()}),
     "the extractor gave rows of a table that the lake does not have"),
    (Measured(tables={"spans": spans({"item": 0, "start": 1, "end": 6})}),
     "the extractor gave a span that lies outside the text"),
    (Measured(tables={"spans": spans({"item": 0, "start": 2, "end": 2})}),
     "the extractor gave a span that lies outside the text"),
    (Measured(tables={"spans": spans({"item": 0, "start": 0, "end": 2, "confidence": 1.5})}),
     "the extractor gave a span whose confidence is none from 0 to 1"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "reason"), WRONG)
def test_what_cannot_be_believed_is_quarantined_whole(
    lake: Lake, source: Path, answer: Measured, reason: str
) -> None:
    write_lines(source, "a", ("p1", micros(NOON), "fever"))
    take(lake, source, reader=CATALOGUE)
    told = run(lake, newer(words, call=lambda run: answer)).extractors["words"]
    assert told.quarantined == {reason: 1}
    assert rows(lake, EVENTS) == []
    assert rows(lake, "SELECT count(*) FROM spans") == [(0,)]
    sound(lake)


def test_an_extractor_that_refuses_a_run_is_asked_again_one_by_one(
    lake: Lake, source: Path
) -> None:
    def shy(run: Sequence[Opened]) -> Measured:
        if len(run) > 1:
            raise DataRefused("too many")
        return words.call(run)  # type: ignore[no-any-return]

    write_lines(source, "a", *(("p1", micros(NOON), f"w{n}") for n in range(5)))
    take(lake, source, reader=CATALOGUE)
    assert run(lake, newer(words, call=shy)).extractors["words"].findings == 5


def test_runs_are_small_and_cover_every_note_once(lake: Lake, source: Path) -> None:
    sizes: list[int] = []

    def counting(run: Sequence[Opened]) -> Measured:
        sizes.append(len(run))
        return words.call(run)  # type: ignore[no-any-return]

    write_lines(source, "a", *(("p1", micros(NOON), f"w{n}") for n in range(1201)))
    take(lake, source, reader=CATALOGUE)
    assert run(lake, newer(words, call=counting), threads=1).extractors["words"].findings == 1201
    assert sizes == [500, 500, 201]


def test_what_was_found_for_others_in_a_file_gone_with_a_forgotten_subject_is_taken_back_once(
    lake: Lake, source: Path
) -> None:
    people = [("p1", "sample", "s1", "site"), ("p2", "sample", "s2", "site")]
    load(lake, chunk(people=people, file="a.csv"))
    write_cohort(source / "a", "a", "s2", "s1", calls=[[0, 1], [2, 1]])
    write_cohort(source / "b", "b", "s2", calls=[[1]])
    take(lake, source, reader=CATALOGUE)
    run(lake, doses)
    forget(lake, subject_of(lake, "IS//p1"))
    write_cohort(source / "c", "c", "s2", calls=[[0], [2]])
    take(lake, source / "c", reader=CATALOGUE)
    run(lake, doses)
    told = "SELECT code, numeric_value FROM events WHERE source = 'doses' ORDER BY ALL"
    assert rows(lake, told) == [("DOSE//0", 0.0), ("DOSE//0", 1.0), ("DOSE//1", 2.0)]
    sound(lake)
    assert run(lake, doses).loads == {}


def test_row_keys_can_be_read_backwards() -> None:
    words = np.random.default_rng(1).integers(0, 1 << 63, 1000, dtype=np.uint64) * np.uint64(2)
    words = np.append(words, np.array([0, 1, (1 << 64) - 1], np.uint64))
    assert (unmix(mix(words)) == words).all()
    assert len(np.unique(mix(words))) == len(words)


def test_an_extraction_that_dies_changes_nothing_and_gives_the_same_the_second_time(
    lake: Lake, source: Path, tmp_path: Path
) -> None:
    noon = micros(NOON)
    write_lines(source, "a", *((f"p{1 + n % 2}", noon + n, f"w{n} fever") for n in range(30)))
    take(lake, source, reader=CATALOGUE)
    twin = copy_of(lake, tmp_path / "twin")
    before = lake.commit().number

    def die(what: str, done: int, total: int) -> None:
        if what == "writing" and done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(lake, progress=die)
    assert lake.commit().number == before
    assert rows(lake, "SELECT count(*) FROM spans") == [(0,)]
    run(lake)
    run(twin)
    for told in (EVENTS, 'SELECT * FROM spans ORDER BY asset_id, "start"'):
        assert rows(lake, told) == rows(twin, told)
    sound(lake)


def test_spans_move_with_a_note_that_a_list_gives_to_another_subject(
    lake: Lake, tmp_path: Path
) -> None:
    _, found = spool(tmp_path, [("p1", "fever now"), ("p2", "cough")])
    table = SourceFile("notes.csv", "notes.csv", "c1", "how")
    load(lake, Chunk(table, "lines", Tally(), assets=tuple(found)))
    run(lake)
    other = replace(found[0], subject="p2")
    table = SourceFile("notes.csv", "notes.csv", "c2", "how")
    load(lake, Chunk(table, "lines", Tally(), assets=(other,)))
    second = subject_of(lake, "IS//p2")
    assert rows(lake, "SELECT DISTINCT subject_id FROM assets") == [(second,)]
    assert rows(lake, "SELECT subject_id FROM spans") == [(second,)] * 3
    sound(lake)
    run(lake)
    assert rows(lake, "SELECT DISTINCT subject_id FROM events WHERE source = 'words'") == [
        (second,)
    ]
    sound(lake)


def test_a_corrected_note_loses_the_spans_of_what_stood_there(lake: Lake, source: Path) -> None:
    noon = micros(NOON)
    write_lines(source, "a", ("p1", noon, "fever"), ("p2", noon, "cough"))
    take(lake, source, reader=CATALOGUE)
    run(lake)
    write_lines(source, "a", ("p1", noon, "no fever at all"), ("p2", noon, "cough"))
    report = take(lake, source, reader=CATALOGUE)
    assert report.assets.notes == {CHANGED: 1}
    assert rows(lake, "SELECT code FROM spans") == [("cough",)]
    sound(lake)
    assert run(lake).extractors["words"].assets == 1
    assert len(rows(lake, EVENTS)) == 5
    sound(lake)


@pytest.mark.parametrize("told", [{"kind": "report"}, {"attributes": {"language": "es"}}])
def test_a_note_is_looked_at_again_when_its_kind_or_its_language_is_told_otherwise(
    lake: Lake, tmp_path: Path, told: dict[str, object]
) -> None:
    _, found = spool(tmp_path, [("p1", "fever now")])
    table = SourceFile("notes.csv", "notes.csv", "c1", "how")
    load(lake, Chunk(table, "lines", Tally(), assets=tuple(found)))
    run(lake)
    other = replace(found[0], facts=replace(found[0].facts, **told))  # type: ignore[arg-type]
    table = SourceFile("notes.csv", "notes.csv", "c2", "how")
    load(lake, Chunk(table, "lines", Tally(), assets=(other,)))
    assert run(lake).assets == 1
    assert run(lake).assets == 0


def test_forgetting_a_subject_takes_its_spans_and_verify_sees_what_does_not_fit(
    lake: Lake, source: Path
) -> None:
    noon = micros(NOON)
    write_lines(source, "a", ("p1", noon, "fever"), ("p2", noon, "cough fever"))
    take(lake, source, reader=CATALOGUE)
    run(lake)
    report = forget(lake, subject_of(lake, "IS//p1"))
    assert report.scan.hits == ()
    assert report.rows["spans"] == 1
    assert rows(lake, "SELECT code FROM spans ORDER BY 1") == [("cough",), ("fever",)]
    sound(lake)
    spoil(lake, "spans", "asset_id", "0" * 64)
    faults = {(problem.table, problem.what) for problem in verify(lake).problems}
    assert ("spans", "2 rows are of no asset") in faults
    spoil(lake, "spans", "subject_id", 5)
    faults = {(problem.table, problem.what) for problem in verify(lake).problems}
    assert ("spans", "2 rows are of no subject in the lake") in faults


def spoil(lake: Lake, table: str, column: str, value: object) -> None:
    """Set a column of a table to one value."""
    with writer(lake.store, "test"), scratch_folder(lake) as scratch, open_view(lake) as view:
        held = view.table(f"SELECT * FROM {table}").select(SCHEMAS[table].names)  # noqa: S608
        place = held.column_names.index(column)
        held = held.set_column(place, SCHEMAS[table].field(column), [[value] * len(held)])
        tx = Transaction(lake, lake.commit(), scratch, "L")
        tx.replace(table, held.cast(SCHEMAS[table]))
        counts = dict(lake.commit().counts) | {"added": 0, "replaced": 0, "removed": 0}
        tx.publish("ingest", "spoilt", counts)

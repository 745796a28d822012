"""Features of a small lake, against the same features worked out one by one."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.retrieval.build import (
    DAY,
    EVERY,
    NOON,
    definition,
    expected,
    features,
    labels,
    pretending,
    rows,
)

from biolake.core.errors import DataRefused, WrongUse
from biolake.lake.lake import Lake
from biolake.retrieval.definition import FeaturesInvalid
from biolake.retrieval.vocabulary import Vocabulary
from biolake.testing.leakage import assert_blind_to_future

WIDE = f"all: {{codes: all, windows: [day, gapped, before, ever], aggregations: {EVERY}}}"
POOLED = WIDE.replace("all: {", "pool: {columns: one, ")

_times = st.integers(-8, 3).map(lambda n: NOON + n * DAY / 2)
_exact = st.integers(-4000, 4000).map(lambda n: n / 8)  # held by float32 as they are
_event = st.fixed_dictionaries(
    {
        "subject_id": st.integers(1, 4),
        "time": st.none() | _times,
        "code": st.sampled_from(["A", "B", "C//x"]),
        "numeric_value": st.none() | _exact | st.just(float("nan")),
        "end_time": st.none() | _times,
    }
)
_sample = st.tuples(st.integers(1, 4), _times)


def lab(subject: int, hours: float, value: float | None, code: str = "A", **more: object) -> dict:
    at = NOON + timedelta(hours=hours)
    event = {"subject_id": subject, "time": at, "code": code, "numeric_value": value}
    return event | {"end_time": None} | more


def random_events(count: int, seed: int = 3) -> list[dict]:
    draw = np.random.default_rng(seed)
    return [
        lab(
            int(draw.integers(1, 13)),
            float(draw.integers(-300, 60)),
            float(draw.integers(0, 900)) / 8 if draw.random() < 0.8 else None,
            f"LAB//{draw.integers(0, 9)}",
            end_time=NOON if draw.random() < 0.1 else None,
        )
        for _ in range(count)
    ]


EVENTS = random_events(1500)
SAMPLES = labels(*[(s, NOON + h * timedelta(hours=7)) for s in range(1, 13) for h in (-9, -2, 0)])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    events=st.lists(_event, max_size=25),
    samples=st.lists(_sample, min_size=1, max_size=6, unique=True),
    groups=st.sampled_from([WIDE, POOLED, f"{WIDE}\n  {POOLED}"]),
)
def test_every_feature_equals_the_one_worked_out_by_hand(lake, events, samples, groups):
    asked, wanted = definition(groups), labels(*samples)
    with pretending(lake, events) as view, tempfile.TemporaryDirectory() as folder:
        found = rows(features(view, wanted, asked, Path(folder) / "out"))
    truth = {key: value for key, value in expected(events, wanted, asked).items() if value != 0}
    found = {key: value for key, value in found.items() if value != 0}
    assert found.keys() == truth.keys()
    assert list(found.values()) == pytest.approx([truth[key] for key in found], rel=1e-9, abs=1e-9)


def test_a_window_includes_its_end_and_not_its_start(lake: Lake, tmp_path: Path):
    asked = definition("g: {codes: all, windows: [day, before], aggregations: [sum]}")
    events = [lab(1, -24, 1), lab(1, -23, 2), lab(1, 0, 4), lab(1, 1, 8)]
    with pretending(lake, events) as view:
        found = rows(features(view, labels((1, NOON)), asked, tmp_path / "out"))
    assert found == {(1, NOON, "g/day/sum/A"): 6, (1, NOON, "g/before/sum/A"): 3}


def test_a_gap_hides_what_came_shortly_before(lake: Lake, tmp_path: Path):
    asked = definition("g: {codes: all, windows: [gapped], aggregations: [sum]}")
    events = [lab(1, -60, 1), lab(1, -59, 2), lab(1, -12, 4), lab(1, -11, 8)]
    with pretending(lake, events) as view:
        found = rows(features(view, labels((1, NOON)), asked, tmp_path / "out"))
    assert found == {(1, NOON, "g/gapped/sum/A"): 6}


def test_the_value_of_an_event_still_going_on_is_not_known(lake: Lake, tmp_path: Path):
    asked = definition("g: {codes: all, windows: [ever], aggregations: [count, sum]}")
    events = [lab(1, -5, 900, end_time=NOON + DAY), lab(1, -5, 1, end_time=NOON)]
    with pretending(lake, events) as view:
        found = rows(features(view, labels((1, NOON)), asked, tmp_path / "out"))
    assert found == {(1, NOON, "g/ever/count/A"): 2, (1, NOON, "g/ever/sum/A"): 1}


@pytest.mark.parametrize("units", ["refuse", "majority"])
def test_no_feature_sees_the_future(lake: Lake, tmp_path: Path, units: str):
    asked = definition(
        f"{WIDE}\n  {POOLED}\n  few: {{codes: [LAB//1], windows: [gapped], aggregations: [last]}}",
        f"age: true\nsex: true\nstatic: {{codes: all}}\nunits: {units}",
    )
    facts = [lab(s, 0, None, f"GENDER//{'MF'[s % 2]}", time=None) for s in range(1, 13)]
    births = [lab(s, 0, None, "MEDS_BIRTH", time=NOON - 9999 * DAY) for s in range(1, 13)]
    tries = iter(range(100))

    def build(view, wanted):
        built = features(view, wanted, asked, tmp_path / str(next(tries)))
        order = np.argsort(built.samples["row"].to_numpy())
        names = [column.name for column in built.columns]
        return pa.table(dict(zip(names, built.dense()[order].T, strict=True)))

    with pretending(lake, [*EVENTS, *facts, *births]) as view:
        assert_blind_to_future(build, view, SAMPLES)


def test_the_leakage_test_finds_a_leak(lake: Lake):
    def build(view, wanted):
        view.con.register("wanted", wanted)
        return view.table(
            "SELECT w.subject_id, count(e.code) AS n, any_value(s.death) AS death FROM wanted w"
            " LEFT JOIN events e ON e.subject_id = w.subject_id"
            "  AND e.time <= w.prediction_time + INTERVAL 1 DAY"
            " LEFT JOIN subjects s ON s.subject_id = w.subject_id GROUP BY 1 ORDER BY 1"
        )

    with (
        pretending(lake, EVENTS) as view,
        pytest.raises(AssertionError, match=r"n.*depend on the future"),
    ):
        assert_blind_to_future(build, view, SAMPLES)


def test_small_chunks_little_memory_and_more_threads_give_the_same(lake: Lake, tmp_path: Path):
    asked = definition(WIDE)
    with pretending(lake, EVENTS) as view:
        whole = features(view, SAMPLES, asked, tmp_path / "whole")
        cut = features(
            view, SAMPLES, asked, tmp_path / "cut", chunk_hits=1, memory="64MB", threads=1
        )
    assert len(cut.provenance["parts"]) == SAMPLES.num_rows > len(whole.provenance["parts"])
    assert np.array_equal(cut.dense(), whole.dense(), equal_nan=True)
    assert cut.csr().data.tobytes() == whole.csr().data.tobytes()


def test_the_same_call_writes_the_same_bytes(lake: Lake, tmp_path: Path):
    asked = definition(f"{WIDE}\n  {POOLED}", "age: true")
    with pretending(lake, EVENTS) as view:
        for name in ("one", "two"):
            features(view, SAMPLES, asked, tmp_path / name)
    one, two = (
        {p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*.*")}
        for n in ("one", "two")
    )
    assert one == two
    assert len(one) > 5


def test_sparse_and_dense_hold_the_same(lake: Lake, tmp_path: Path):
    asked = definition(f"{WIDE}\n  {POOLED}", "age: true")
    with pretending(lake, EVENTS) as view:
        built = features(view, SAMPLES, asked, tmp_path / "out")
    sparse, dense = built.csr(), built.dense()
    assert sparse.shape == dense.shape
    for row in range(dense.shape[0]):
        part = slice(sparse.indptr[row], sparse.indptr[row + 1])
        assert (np.diff(sparse.indices[part]) > 0).all()
        assert (dense[row, sparse.indices[part]] == sparse.data[part]).all()
    stored = np.zeros(dense.shape, dtype=bool)
    stored[np.repeat(np.arange(len(dense)), np.diff(sparse.indptr)), sparse.indices] = True
    absent = np.array([np.nan if c.absent is None else c.absent for c in built.columns])
    blank = np.broadcast_to(absent, dense.shape)[~stored]
    assert np.array_equal(dense[~stored], blank, equal_nan=True)
    names = [column.name for column in built.columns]
    assert np.array_equal(built.dense(names[5:2:-1]), dense[:, 5:2:-1], equal_nan=True)
    with pytest.raises(WrongUse, match="Did you mean"):
        built.dense([names[0] + "x"])


def test_several_units_are_refused_and_named(lake: Lake, tmp_path: Path):
    events = [lab(1, -h, 5, unit="mg/dL") for h in range(3)] + [lab(2, -1, 90, unit="umol/L")]
    group = "g: {codes: all, windows: [ever], aggregations: [%s]}"
    wanted = labels((1, NOON), (2, NOON))
    with pretending(lake, events) as view:
        with pytest.raises(DataRefused, match=r"A \(mg/dL and umol/L\).*units: majority"):
            features(view, wanted, definition(group % "mean"), tmp_path / "refused")
        assert not (tmp_path / "refused").exists()
        features(view, wanted, definition(group % "count"), tmp_path / "counted")
        asked = definition(group % "count, mean", "units: majority")
        built = features(view, wanted, asked, tmp_path / "out")
    assert rows(built) == {
        (1, NOON, "g/ever/count/A"): 3,
        (1, NOON, "g/ever/mean/A"): 5,
        (2, NOON, "g/ever/count/A"): 1,
    }
    assert [column.unit for column in built.columns] == [None, "mg/dL"]
    assert built.provenance["values_in_another_unit"] == {"g": {"A": 1}}


def test_a_unit_seen_only_after_the_prediction_does_not_matter(lake: Lake, tmp_path: Path):
    events = [lab(1, -1, 5, unit="mg/dL"), lab(1, 1, 90, unit="umol/L")]
    asked = definition("g: {codes: all, windows: [ever], aggregations: [mean]}")
    with pretending(lake, events) as view:
        found = rows(features(view, labels((1, NOON)), asked, tmp_path / "out"))
    assert found == {(1, NOON, "g/ever/mean/A"): 5}


def test_the_vocabulary_is_learned_on_training_subjects_only(lake: Lake, tmp_path: Path):
    events = [lab(s, -1, 1, code) for s in (1, 2) for code in ("A", "B")]
    events += [lab(1, -2, 1, "ONE"), lab(3, -1, 1, "C"), lab(3, -1, 1, "A"), lab(1, 2, 1, "LATE")]
    wanted = labels(*[(s, NOON) for s in (1, 2, 3)])
    asked = definition("g: {codes: all, windows: [ever], aggregations: [count], min_subjects: 2}")
    with pretending(lake, events) as view:
        built = features(view, wanted, asked, tmp_path / "out", train_subjects={1, 2})
    assert [column.code for column in built.columns] == ["A", "B"]
    assert rows(built)[3, NOON, "g/ever/count/A"] == 1
    assert built.vocabulary.train_subjects == 2


def test_top_keeps_the_codes_most_subjects_have(lake: Lake, tmp_path: Path):
    events = [lab(s, -1, 1, f"C{c}") for s in range(1, 7) for c in range(s)]
    asked = definition("g: {codes: all, windows: [ever], aggregations: [count], top: 2}")
    with pretending(lake, events) as view:
        wanted = labels(*[(s, NOON) for s in range(1, 7)])
        built = features(view, wanted, asked, tmp_path / "out")
    assert [column.code for column in built.columns] == ["C0", "C1"]


def test_a_saved_vocabulary_gives_the_same_columns_elsewhere(lake: Lake, tmp_path: Path):
    asked = definition(
        "g: {codes: all, windows: [ever], aggregations: [count, last]}", "static: {codes: all}"
    )
    here = [lab(1, -1, 5, "A", unit="mg/dL"), lab(1, -1, 7, "B"), lab(1, 0, 0, "SEX//M", time=None)]
    there = [lab(2, -1, 6, "A", unit="mg/dL"), lab(2, -1, 1, "NEW"), lab(2, -1, 9, "A", unit="g/L")]
    with pretending(lake, here) as view:
        first = features(view, labels((1, NOON)), asked, tmp_path / "here")
    saved = Vocabulary.load(tmp_path / "here" / "vocabulary.json")
    assert saved == first.vocabulary
    with pretending(lake, there[:2]) as view:
        second = features(view, labels((2, NOON)), asked, tmp_path / "there", vocabulary=saved)
    assert second.columns == first.columns
    assert second.provenance["codes_missing"] == {"g": ["B"]}
    assert rows(second) == {(2, NOON, "g/ever/count/A"): 1, (2, NOON, "g/ever/last/A"): 6}
    with pretending(lake, there) as view, pytest.raises(DataRefused, match="several units"):
        features(view, labels((2, NOON)), asked, tmp_path / "units", vocabulary=saved)
    other = definition("g: {codes: all, windows: [day], aggregations: [count]}")
    with pretending(lake, here) as view, pytest.raises(DataRefused, match="another feature"):
        features(view, labels((1, NOON)), other, tmp_path / "other", vocabulary=saved)


def test_facts_age_and_sex_are_columns_too(lake: Lake, tmp_path: Path):
    events = [
        lab(1, 0, None, "MEDS_BIRTH", time=NOON - 3652.5 * DAY),
        lab(2, 0, None, "MEDS_BIRTH", time=NOON + DAY),
        lab(1, 0, None, "GENDER//F", time=None),
        lab(2, 0, None, "RACE//x", time=None),
        lab(2, 0, None, "MEDS_DEATH", time=None),
    ]
    asked = definition(
        "g: {codes: [NOWHERE], windows: [ever], aggregations: [count]}",
        "age: true\nsex: true\nstatic: {codes: all}",
    )
    with pretending(lake, events) as view:
        built = features(view, labels((1, NOON), (2, NOON)), asked, tmp_path / "out")
    assert rows(built) == {
        (1, NOON, "static/GENDER//F"): 1,
        (1, NOON, "sex/GENDER//F"): 1,
        (1, NOON, "age"): pytest.approx(10),
        (2, NOON, "static/RACE//x"): 1,
    }


def test_facts_without_a_time_give_their_numbers_when_asked(lake: Lake, tmp_path: Path):
    events = [
        lab(1, 0, 2.0, "GENOTYPE//rs1//A", time=None, unit="1"),
        lab(2, 0, 0.0, "GENOTYPE//rs1//A", time=None, unit="1"),
        lab(2, 0, 1.0, "QC//x", time=None),
        lab(2, 0, 3.0, "QC//x", time=None),
        lab(1, 0, None, "GENDER//F", time=None),
        lab(3, 0, 9.0, "GENOTYPE//rs1//A", unit="1"),
    ]
    asked = definition(
        "g: {codes: [NOWHERE], windows: [ever], aggregations: [count]}",
        "static: {codes: all, values: true}",
    )
    wanted = labels((1, NOON), (2, NOON), (3, NOON))
    with pretending(lake, events) as view:
        built = features(view, wanted, asked, tmp_path / "out")
        saved = Vocabulary.load(tmp_path / "out" / "vocabulary.json")
    assert rows(built) == {
        (1, NOON, "static/GENDER//F"): 1,
        (1, NOON, "static/GENOTYPE//rs1//A"): 2,
        (2, NOON, "static/GENOTYPE//rs1//A"): 0,
        (2, NOON, "static/QC//x"): 2,
    }
    units = {column.name: (column.unit, column.absent) for column in built.columns}
    assert units["static/GENOTYPE//rs1//A"] == ("1", None)
    other = [lab(1, 0, 2.0, "GENOTYPE//rs1//A", time=None, unit="%")]
    with pretending(lake, other) as view, pytest.raises(DataRefused, match="several units"):
        features(view, labels((1, NOON)), asked, tmp_path / "other", vocabulary=saved)


BEFORE = "d1f17cf542edb956c1dd4a68948b845903cfb11048f74bf4991ec4ab0ca4a813"


def test_a_definition_without_numbers_of_facts_keeps_its_hash() -> None:
    groups = "g: {codes: [A], windows: [ever], aggregations: [count]}"
    plain = definition(groups, "static: {codes: all}")
    told = definition(groups, "static: {codes: all, values: true}")
    assert plain.hash == BEFORE != told.hash


@pytest.mark.parametrize(
    ("codes", "kept"),
    [
        ("all", ["LAB//1", "LAB//2", "MED//1"]),
        ("[MED//1, LAB//2]", ["LAB//2", "MED//1"]),
        ("{prefix: LAB//}", ["LAB//1", "LAB//2"]),
        ("{regex: '//1$'}", ["LAB//1", "MED//1"]),
        ("{ancestor: ROOT}", ["LAB//1", "LAB//2"]),
    ],
)
def test_codes_are_chosen_in_several_ways(lake: Lake, tmp_path: Path, codes: str, kept: list[str]):
    events = [lab(1, -1, 1, code) for code in ("LAB//1", "LAB//2", "MED//1")]
    asked = definition(f"g: {{codes: {codes}, windows: [ever], aggregations: [count]}}")
    with pretending(lake, events) as view:
        view.con.execute(
            "CREATE OR REPLACE VIEW codes AS SELECT code, '' AS description, 1 AS events,"
            " map {'LAB//1': ['ROOT'], 'LAB//2': ['LAB//1']}[code] AS parent_codes"
            " FROM (SELECT DISTINCT code FROM truth)"
        )
        built = features(view, labels((1, NOON)), asked, tmp_path / "out")
    assert [column.code for column in built.columns] == kept


def test_a_regular_expression_that_is_none_is_refused(lake: Lake, tmp_path: Path):
    asked = definition("g: {codes: {regex: '(A'}, windows: [ever], aggregations: [count]}")
    with pretending(lake, EVENTS) as view, pytest.raises(FeaturesInvalid, match="not valid"):
        features(view, SAMPLES, asked, tmp_path / "out")


def test_labels_that_do_not_fit_the_lake_are_refused(lake: Lake, tmp_path: Path):
    asked = definition("g: {codes: all, windows: [ever], aggregations: [count]}")
    zoned = labels((1, NOON)).cast(
        pa.schema([("subject_id", pa.int64()), ("prediction_time", pa.timestamp("us", "UTC"))])
    )
    with pretending(lake, []) as view:
        with pytest.raises(DataRefused, match="1 subjects of the labels are not in commit 1"):
            features(view, labels((99, NOON)), asked, tmp_path / "out")
        with pytest.raises(DataRefused, match="without a zone"):
            features(view, zoned, asked, tmp_path / "out")
        with pytest.raises(DataRefused, match="no column 'prediction_time'"):
            features(view, zoned.select(["subject_id"]), asked, tmp_path / "out")
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "file").touch()
        with pytest.raises(WrongUse, match="not empty"):
            features(view, labels((1, NOON)), asked, tmp_path / "full")
    assert isinstance(NOON, datetime)


def test_no_labels_make_an_empty_feature_set(lake: Lake, tmp_path: Path):
    asked = definition("g: {codes: all, windows: [ever], aggregations: [count]}", "age: true")
    with pretending(lake, EVENTS) as view:
        built = features(view, labels(), asked, tmp_path / "out")
    assert built.csr().shape == built.dense().shape == (0, 1)

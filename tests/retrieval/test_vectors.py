"""Vectors of assets as features: the right asset at the right time, of one encoder and version."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.lake.build import NUMBERED, chunk, event, load
from tests.retrieval.assets import Shown, publish, show
from tests.retrieval.build import DAY, NOON, features, labels, pretending, rows

from biolake.core.errors import DataRefused, LakeDamaged
from biolake.lake.door import open_view
from biolake.lake.lake import Lake, init
from biolake.retrieval.definition import Definition
from biolake.retrieval.loading import parse_definition
from biolake.retrieval.matrix import FeatureSet
from biolake.testing.leakage import assert_blind_to_future

HOUR = timedelta(hours=1)


def asked(pick: str = "latest", window: str = "{lookback: 10d}", more: str = "") -> Definition:
    return parse_definition(
        f"""
features: test
embeddings:
  - {{name: heart, encoder: kernels, modality: ecg, window: {window}, pick: {pick}{more}}}
"""
    )


def built(lake: Lake, shown: list[Shown], wanted: Definition, out: Path, **more) -> FeatureSet:
    samples = more.pop("samples", labels((1, NOON), (2, NOON)))
    with pretending(lake, []) as view:
        show(view, shown)
        return features(view, samples, wanted, out, **more)


def of_first(lake: Lake, shown: list[Shown], wanted: Definition, out: Path) -> list[float]:
    """Return the row of subject 1; subject 2 has an asset that makes a feature set possible."""
    made = built(lake, [*shown, Shown(2, NOON - DAY, [7, 7])], wanted, out)
    return made.dense()[made.samples["subject_id"].to_numpy() == 1][0].tolist()


def test_the_columns_are_the_numbers_of_the_vector_and_its_presence(lake: Lake, tmp_path: Path):
    made = built(lake, [Shown(1, NOON - DAY, [0.5, -2])], asked(), tmp_path / "out")
    names = ["embedding/heart/0", "embedding/heart/1", "embedding/heart/presence"]
    assert [column.name for column in made.columns] == names
    assert [column.absent for column in made.columns] == [None, None, 0]
    first, second = made.dense()[np.argsort(made.samples["subject_id"].to_numpy())]
    assert first.tolist() == [0.5, -2, 1]
    assert np.isnan(second).tolist() == [True, True, False]
    assert second[2] == 0
    assert made.provenance["embeddings"]["heart"] == {
        "encoder": "kernels", "version": "1", "dimension": 2,
        "assets": 1, "assets_not_encoded": 0, "assets_without_time": 0,
        "samples_latest_not_over": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("window", "ages", "seen"),
    [
        ("{lookback: 2d}", [0, 48], [0]),
        ("{lookback: 2d}", [-1, 47, 60], [47]),
        ("{lookback: 2d, end: exclusive}", [0, 48], [48]),
        ("{lookback: 2d, gap: 12h}", [11, 12, 60], [12]),
        ("{lookback: 2d, gap: 12h}", [11, 59, 60], [59]),
        ("{lookback: unbounded}", [100_000], [100_000]),
        ("{lookback: 2d}", [48, -48], []),
    ],
)
def test_the_latest_asset_of_the_window_is_taken(lake, tmp_path, window, ages, seen):
    shown = [Shown(1, NOON - age * HOUR, [age, 1]) for age in ages]
    row = of_first(lake, shown, asked(window=window), tmp_path / "out")
    assert row[:1] == pytest.approx(seen or [np.nan], nan_ok=True)
    assert row[2] == bool(seen)


def test_the_mean_is_of_all_assets_of_the_window(lake: Lake, tmp_path: Path):
    shown = [Shown(1, NOON - n * DAY, [n, n * n]) for n in (-1, 0, 1, 5, 10)]
    assert of_first(lake, shown, asked("mean"), tmp_path / "out") == pytest.approx([2, 26 / 3, 1])


def test_the_vector_of_an_asset_is_the_mean_of_its_items(lake: Lake, tmp_path: Path):
    shown = [Shown(1, NOON, [[1, 2], [3, 4], [5, 9]])]
    assert of_first(lake, shown, asked(), tmp_path / "out") == [3, 5, 1]


def test_assets_that_start_together_are_taken_together(lake: Lake, tmp_path: Path):
    shown = [Shown(1, NOON, [n, 0], name=str(n)) for n in (1, 2, 6)]
    assert of_first(lake, [*shown, Shown(1, NOON - DAY, [99, 9])], asked(), tmp_path / "out") == [
        3, 0, 1,
    ]  # fmt: skip


def test_a_recording_that_still_goes_on_is_not_known(lake: Lake, tmp_path: Path):
    going_on = Shown(1, NOON - HOUR, [9, 9], end=NOON + HOUR)
    over = Shown(1, NOON - DAY, [1, 2], end=NOON)
    for number, pick in enumerate(("latest", "mean")):
        row = of_first(lake, [going_on, over], asked(pick), tmp_path / str(number))
        assert row == [1, 2, 1]
    gapped = asked(window="{lookback: 10d, gap: 1h}")
    assert of_first(lake, [going_on, over], gapped, tmp_path / "gap")[2] == 0
    twice = labels((1, NOON), (1, NOON + DAY))
    made = rows(built(lake, [over], gapped, tmp_path / "twice", samples=twice))
    assert {key[1] for key in made} == {NOON + DAY}


def test_prediction_times_at_which_an_asset_goes_on_are_counted(lake: Lake, tmp_path: Path):
    shown = [Shown(1, NOON, [1, 2], end=NOON + HOUR), Shown(2, NOON, [1, 2])]
    samples = labels((1, NOON), (1, NOON + 2 * HOUR), (2, NOON))
    made = built(lake, shown, asked(), tmp_path / "out", samples=samples)
    assert made.provenance["embeddings"]["heart"]["samples_latest_not_over"] == 1
    assert {key[:2] for key in rows(made)} == {(1, NOON + 2 * HOUR), (2, NOON)}


def test_other_modalities_and_encoders_are_not_looked_at(lake: Lake, tmp_path: Path):
    shown = [
        Shown(1, NOON, [1, 1], modality="eeg"),
        Shown(1, NOON - HOUR, [2, 2], encoder="other"),
        Shown(1, NOON - 2 * HOUR, [3, 3]),
    ]
    assert of_first(lake, shown, asked(), tmp_path / "out") == [3, 3, 1]


def random_assets(count: int = 200) -> list[Shown]:
    draw = np.random.default_rng(5)
    return [
        Shown(
            int(draw.integers(1, 13)),
            at := NOON + int(draw.integers(-300, 100)) * HOUR,
            draw.normal(size=(int(draw.integers(1, 4)), 24)),
            end=at + int(draw.integers(0, 40)) * HOUR if draw.random() < 0.5 else None,
            name=str(number),
        )
        for number in range(count)
    ]


MANY = labels(*[(s, NOON + h * 7 * HOUR) for s in range(1, 13) for h in (-9, -2, 0)])


def by_hand(shown: list[Shown], wanted: Definition, width: int) -> np.ndarray:
    """Work out every sample's vector, one after the other."""
    (embedding,) = wanted.embeddings
    found = np.full((MANY.num_rows, width), np.nan)
    for place, sample in enumerate(MANY.to_pylist()):
        end = sample["prediction_time"] - timedelta(microseconds=embedding.window.cut)
        start = end - timedelta(microseconds=embedding.window.lookback)
        seen = [
            (one.time, np.asarray(one.vector, np.float32).mean(axis=0, dtype=float))
            for one in shown
            if one.subject == sample["subject_id"] and start < one.time <= end
            if one.end is None or one.end <= end
        ]
        if embedding.pick == "latest":
            seen = [one for one in seen if one[0] == max(time for time, _ in seen)]
        if seen:
            found[place] = np.mean([vector for _, vector in seen], axis=0)
    return found


@pytest.mark.parametrize("pick", ["latest", "mean"])
def test_every_vector_equals_the_one_worked_out_by_hand(lake: Lake, tmp_path: Path, pick: str):
    shown = random_assets()
    wanted = asked(pick, "{lookback: 2d, gap: 3h}")
    made = built(lake, shown, wanted, tmp_path / "out", samples=MANY)
    truth = by_hand(shown, wanted, 24)[made.samples["row"].to_numpy()]
    dense = made.dense()
    assert dense[:, :24] == pytest.approx(truth, rel=1e-5, abs=1e-6, nan_ok=True)
    assert np.array_equal(dense[:, 24] == 1, ~np.isnan(truth[:, 0]))
    assert 0 < dense[:, 24].sum() < len(dense)


def test_components_are_a_fixed_projection_of_the_vector(lake: Lake, tmp_path: Path):
    whole = built(lake, random_assets(), asked(), tmp_path / "whole", samples=MANY).dense()
    short = asked(more=", components: 6")
    made = built(lake, random_assets(), short, tmp_path / "short", samples=MANY)
    from biolake.retrieval.projection import signs

    there = whole[:, 24] == 1
    truth = whole[there, :24] @ signs(24, 6) / np.sqrt(6)
    assert made.dense()[there, :6] == pytest.approx(truth, rel=1e-4, abs=1e-5)
    assert made.dense().shape == (MANY.num_rows, 7)
    with pytest.raises(DataRefused, match=r"25 components of vectors of 24 numbers"):
        built(lake, random_assets(), asked(more=", components: 25"), tmp_path / "more")


@pytest.mark.parametrize("pick", ["latest", "mean"])
def test_no_vector_is_of_the_future(lake: Lake, tmp_path: Path, pick: str):
    wanted = asked(pick, "{lookback: 9d, gap: 2h}", ", components: 5")
    tries = iter(range(100))

    def build(view, samples):
        made = features(view, samples, wanted, tmp_path / str(next(tries)))
        order = np.argsort(made.samples["row"].to_numpy())
        names = [column.name for column in made.columns]
        return pa.table(dict(zip(names, made.dense()[order].T, strict=True)))

    with pretending(lake, []) as view:
        show(view, random_assets())
        assert_blind_to_future(build, view, MANY)


@pytest.mark.parametrize("known", ["a.time", "greatest(a.time, a.end_time) - INTERVAL 1 HOUR"])
def test_the_leakage_test_finds_a_look_at_later_assets(lake: Lake, known: str):
    def build(view, samples):
        view.con.register("wanted", samples)
        return view.table(
            "SELECT w.subject_id, sum(vector[1]) AS heart FROM wanted w"  # noqa: S608 - ours
            " LEFT JOIN (assets a JOIN embeddings e USING (asset_id))"
            f"  ON a.subject_id = w.subject_id AND {known} <= w.prediction_time"
            " GROUP BY 1 ORDER BY 1"
        )

    shown = [Shown(s, NOON, [s, 1.0], end=NOON + HOUR) for s in range(1, 13)]
    samples = labels(*[(s, NOON) for s in range(1, 13)])
    with pretending(lake, []) as view:
        show(view, shown)
        with pytest.raises(AssertionError, match="depend on the future"):
            assert_blind_to_future(build, view, samples)


def test_small_chunks_little_memory_and_more_threads_give_the_same(lake: Lake, tmp_path: Path):
    wanted = asked("mean", more=", components: 5")
    shown = random_assets()
    whole = built(lake, shown, wanted, tmp_path / "whole", samples=MANY)
    how = {"chunk_hits": 1, "memory": "64MB", "threads": 1}
    cut = built(lake, shown[::-1], wanted, tmp_path / "cut", samples=MANY, **how)
    assert len(cut.provenance["parts"]) == MANY.num_rows > len(whole.provenance["parts"])
    assert cut.csr().data.tobytes() == whole.csr().data.tobytes()
    assert not (tmp_path / "cut" / "vectors").exists()


def test_mixed_versions_are_refused_unless_one_is_chosen(lake: Lake, tmp_path: Path):
    both = [Shown(1, NOON, [n, n], version=str(n)) for n in (1, 2)]
    with pytest.raises(DataRefused, match=r'several versions: 1, 2.*encoder_version: "2"'):
        built(lake, both, asked(), tmp_path / "mixed")
    chosen = asked(more=', encoder_version: "1"')
    made = built(lake, both, chosen, tmp_path / "chosen")
    assert rows(made)[1, NOON, "embedding/heart/0"] == 1
    assert made.vocabulary.encoders == {"heart": "kernels 1"}
    other = Shown(2, NOON, [5, 5], version="2")
    with pytest.raises(DataRefused, match="of version 2 only, but version 1 is asked for"):
        built(lake, [*both, other], chosen, tmp_path / "other")
    with pytest.raises(DataRefused, match="but version 3 is asked for"):
        built(lake, both, asked(more=', encoder_version: "3"'), tmp_path / "none")


def test_a_version_of_a_later_asset_does_not_matter(lake: Lake, tmp_path: Path):
    shown = [Shown(1, NOON, [1, 1]), Shown(1, NOON + DAY, [2, 2], version="2")]
    assert rows(built(lake, shown, asked(), tmp_path / "out"))[1, NOON, "embedding/heart/0"] == 1


def test_a_saved_vocabulary_takes_vectors_of_its_own_version_only(lake: Lake, tmp_path: Path):
    first = built(lake, [Shown(1, NOON, [1, 2])], asked(), tmp_path / "first")
    both = [Shown(1, NOON, [n, n], version=str(n)) for n in (1, 2)]
    again = built(lake, both, asked(), tmp_path / "again", vocabulary=first.vocabulary)
    assert again.columns == first.columns
    assert rows(again)[1, NOON, "embedding/heart/0"] == 1
    with pytest.raises(DataRefused, match="of version 2 only"):
        built(lake, both[1:], asked(), tmp_path / "other", vocabulary=first.vocabulary)
    longer = [Shown(1, NOON, [1, 2, 3])]
    with pytest.raises(DataRefused, match="not of the 2 numbers"):
        built(lake, longer, asked(), tmp_path / "longer", vocabulary=first.vocabulary)
    none = built(lake, [], asked(), tmp_path / "none", vocabulary=first.vocabulary)
    assert rows(none) == {}
    assert none.provenance["embeddings"]["heart"]["assets"] == 0


def test_a_lake_without_such_vectors_is_refused_by_name(lake: Lake, tmp_path: Path):
    shown = [Shown(1, NOON + DAY, [1, 2]), Shown(1, NOON, [1], encoder="kernel-s", modality="eeg")]
    with pytest.raises(DataRefused, match=r"'ecg' that a sample.* 'kernels'.*biolake encode"):
        built(lake, shown, asked(), tmp_path / "out")
    with pytest.raises(DataRefused, match=r"Did you mean 'kernel-s'"):
        built(lake, shown[1:], asked(), tmp_path / "near")


def test_assets_that_cannot_be_seen_are_counted(lake: Lake, tmp_path: Path):
    shown = [Shown(1, NOON, [1, 2]), Shown(1, NOON - DAY), Shown(2, NOON), Shown(2, None, [3, 4])]
    said = built(lake, shown, asked(), tmp_path / "out").provenance["embeddings"]["heart"]
    assert (said["assets"], said["assets_not_encoded"], said["assets_without_time"]) == (1, 2, 1)


@pytest.mark.parametrize("vector", [[1.0, float("nan")], [float("inf"), 1.0]])
def test_numbers_that_are_not_finite_are_refused(lake: Lake, tmp_path: Path, vector: list[float]):
    with pytest.raises(LakeDamaged, match="finite"):
        built(lake, [Shown(1, NOON, vector)], asked(), tmp_path / "out")


def test_two_vectors_of_one_asset_are_refused(lake: Lake, tmp_path: Path):
    with pytest.raises(LakeDamaged, match="two vectors"):
        built(lake, [Shown(1, NOON, [1, 2]), Shown(1, NOON, [3, 4])], asked(), tmp_path / "out")


def test_vectors_and_findings_of_a_lakes_own_tables_are_features(tmp_path: Path):
    made = init(str(tmp_path / "lake"), subject_ids="source", shard_groups=4)
    found = [
        event(
            str(s), s, code="ECG//heart_rate", time=NOON - DAY, numeric_value=60.0 + s, unit="/min"
        )
        for s in (1, 2)
    ]
    load(made, chunk(found), subjects=NUMBERED)
    publish(made, [Shown(1, NOON - DAY, [1, 2]), Shown(1, NOON + DAY, [8, 9])])
    publish(made, [Shown(2, NOON - DAY, [3, 4])])
    wanted = parse_definition(
        """
features: heart
windows: {week: {lookback: 7d}}
groups:
  findings: {codes: {prefix: [ECG//]}, windows: [week], aggregations: [last]}
embeddings:
  - {name: ecg, encoder: kernels, modality: ecg, window: week}
"""
    )
    with open_view(made) as view:
        built_here = features(view, labels((1, NOON), (2, NOON)), wanted, tmp_path / "out")
    assert rows(built_here) == {
        (subject, NOON, name): value
        for subject, values in ((1, (61, 1, 2, 1)), (2, (62, 3, 4, 1)))
        for name, value in zip(
            (
                "findings/week/last/ECG//heart_rate",
                *(f"embedding/ecg/{n}" for n in (0, 1, "presence")),
            ),
            values,
            strict=True,
        )
    }

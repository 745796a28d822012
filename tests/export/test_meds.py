"""What goes into a lake as MEDS comes out as MEDS, row for row, and valid by the standard."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import random
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from meds import CodeMetadataSchema, DataSchema, DatasetMetadataSchema, SubjectSplitSchema

from biolake.core.catalogue import discover
from biolake.core.errors import WrongUse
from biolake.export import meds
from biolake.export.splits import split_of
from biolake.ingest.pipeline import ingest
from biolake.lake.door import open_view
from biolake.lake.lake import Lake, init

CATALOGUE = discover("biolake.readers")
COLUMNS = ["subject_id", "time", "code", "numeric_value", "text_value"]
SUBJECTS = 60
BEGINNING = dt.datetime(1, 1, 1)  # noqa: DTZ001  MEDS times are naive


def rows(seed: int = 7) -> list[dict[str, object]]:
    """Events of all kinds, in no order: static, repeated, before 1970, with value, text or none."""
    draw = random.Random(seed)
    start = dt.datetime(1931, 5, 4)  # noqa: DTZ001  MEDS times are naive
    found: list[dict[str, object]] = []
    for subject in range(1, SUBJECTS + 1):
        found.append({"subject_id": subject, "code": "GENDER//F"})
        found.append({"subject_id": subject, "time": start, "code": "MEDS_BIRTH"})
        for _ in range(draw.randrange(60)):
            event: dict[str, object] = {
                "subject_id": subject,
                "time": start + dt.timedelta(microseconds=draw.randrange(10**15)),
                "code": f"LAB//{draw.randrange(20)}",
            }
            if draw.random() < 0.7:
                event["numeric_value"] = draw.choice([0.0, -1.5, 7.4, 1e30, draw.random()])
            if draw.random() < 0.2:
                event["text_value"] = draw.choice(["", "high", "µg · 数", "x" * 5000])
            found.extend([event] * draw.choice([1, 1, 1, 2]))
    draw.shuffle(found)
    return found


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("meds") / "ward"
    (folder / "data").mkdir(parents=True)
    (folder / "metadata").mkdir()
    values = pa.field("numeric_value", pa.float64())  # as many tools write it
    schema = pa.schema([values if f.name == "numeric_value" else f for f in DataSchema.schema()])
    table = pa.Table.from_pylist(rows(), schema)
    for name, half in (("a", range(40)), ("b", range(40, SUBJECTS + 1))):
        mine = table.filter(pc.is_in(table["subject_id"], pa.array(half)))
        pq.write_table(mine, folder / "data" / f"{name}.parquet")
    codes = [{"code": "LAB//1", "description": "sodium", "parent_codes": ["LOINC//2951-2"]}]
    names = CodeMetadataSchema.schema()
    pq.write_table(pa.Table.from_pylist(codes, names), folder / "metadata" / "codes.parquet")
    return folder


@pytest.fixture(scope="module")
def lake(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = init(str(tmp_path_factory.mktemp("lake")), subject_ids="source", shard_groups=4)
    ingest(lake, str(source), CATALOGUE)
    return lake


def exported(lake: Lake, out: Path, **options: object) -> list[pa.Table]:
    """Export and return the shards in the order of their numbers."""
    with open_view(lake) as view:
        meds.export(view, out, **options)
    paths = sorted((out / "data").glob("*.parquet"), key=lambda path: int(path.stem))
    return [pq.read_table(path) for path in paths]


def multiset(tables: list[pa.Table]) -> Counter[tuple[object, ...]]:
    kinds = pa.schema([DataSchema.schema().field(name) for name in COLUMNS])
    whole = pa.concat_tables([table.select(COLUMNS).cast(kinds) for table in tables])
    return Counter(zip(*(whole[name].to_pylist() for name in COLUMNS), strict=True))


def test_meds_through_a_lake_is_the_same_meds(source: Path, lake: Lake, tmp_path: Path):
    given = [pq.read_table(path) for path in (source / "data").iterdir()]
    assert multiset(exported(lake, tmp_path / "out")) == multiset(given)


@pytest.mark.parametrize("extra", [(), meds.EXTRA])
def test_every_file_passes_the_validators_of_the_standard(
    lake: Lake, tmp_path: Path, extra: tuple[str, ...]
):
    shards = exported(lake, tmp_path / "out", extra=extra, shard_rows=500)
    assert len(shards) > 3
    for shard in shards:
        DataSchema.validate(shard)
        assert shard.schema.names == [*COLUMNS, *extra]
    metadata = tmp_path / "out" / "metadata"
    CodeMetadataSchema.validate(pq.read_table(metadata / "codes.parquet"))
    SubjectSplitSchema.validate(pq.read_table(metadata / "subject_splits.parquet"))
    about = json.loads((metadata / "dataset.json").read_text())
    DatasetMetadataSchema.validate(about)
    listed = [name for key, names in about.items() if key.endswith("_columns") for name in names]
    assert sorted(listed) == sorted(extra)


def test_a_subject_is_in_one_file_its_rows_together_and_static_rows_first(
    lake: Lake, tmp_path: Path
):
    seen: set[int] = set()
    for shard in exported(lake, tmp_path / "out", shard_rows=300):
        pairs = zip(shard["subject_id"].to_pylist(), shard["time"].to_pylist(), strict=True)
        for subject, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
            assert subject not in seen
            seen.add(subject)
            times = [(time is not None, time or BEGINNING) for _, time in group]
            assert times == sorted(times)
    assert seen == set(range(1, SUBJECTS + 1))


def test_codes_are_described_and_complete(lake: Lake, tmp_path: Path):
    shards = exported(lake, tmp_path / "out")
    codes = pq.read_table(tmp_path / "out" / "metadata" / "codes.parquet").to_pylist()
    described = {row["code"]: row["description"] for row in codes}
    assert set(described) == {code for shard in shards for code in shard["code"].to_pylist()}
    assert described["LAB//1"] == "sodium"
    assert [row["parent_codes"] for row in codes if row["code"] == "LAB//1"] == [["LOINC//2951-2"]]


def test_splits_are_by_subject_and_the_same_every_time(lake: Lake, tmp_path: Path):
    exported(lake, tmp_path / "out")
    splits = pq.read_table(tmp_path / "out" / "metadata" / "subject_splits.parquet").to_pylist()
    assert [row["subject_id"] for row in splits] == list(range(1, SUBJECTS + 1))
    assert all(row["split"] == split_of(row["subject_id"]) for row in splits)
    shares = Counter(split_of(subject) for subject in range(10_000))
    assert 0.78 < shares["train"] / 10_000 < 0.82
    assert 0.08 < shares["tuning"] / 10_000 < 0.12
    assert [split_of(n) for n in (1, 2, 15)] == ["train", "tuning", "held_out"]


def test_splits_given_are_kept(lake: Lake, tmp_path: Path):
    exported(lake, tmp_path / "out", splits={1: "train", 2: "held_out", 999: "train"})
    splits = pq.read_table(tmp_path / "out" / "metadata" / "subject_splits.parquet")
    assert splits.to_pydict() == {"subject_id": [1, 2], "split": ["train", "held_out"]}


def test_the_same_commit_gives_the_same_files(lake: Lake, tmp_path: Path):
    first = exported(lake, tmp_path / "a")
    again = exported(lake, tmp_path / "b")
    assert all(one.equals(other) for one, other in zip(first, again, strict=True))


def test_a_folder_that_holds_something_is_not_written_to(lake: Lake, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    with open_view(lake) as view, pytest.raises(WrongUse, match="not empty"):
        meds.export(view, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_interrupted_export_leaves_nothing(lake: Lake, tmp_path: Path):
    def stop(_what: str, done: int, _total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with open_view(lake) as view, pytest.raises(KeyboardInterrupt):
        meds.export(view, tmp_path / "out", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_extra_column_is_named(lake: Lake, tmp_path: Path):
    with open_view(lake) as view, pytest.raises(WrongUse, match="Did you mean 'unit'"):
        meds.export(view, tmp_path / "out", extra=["units"])


def test_an_empty_lake_is_an_empty_dataset(tmp_path: Path):
    lake = init(str(tmp_path / "lake"))
    with open_view(lake) as view:
        report = meds.export(view, tmp_path / "out")
    assert report.rows == 0
    names = [path.relative_to(tmp_path / "out").as_posix() for path in report.files]
    assert "metadata/dataset.json" in names
    assert all(path.is_file() for path in report.files)
